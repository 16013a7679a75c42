"""Score OTB text files: the boxes of one object, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence

from vistream.errors import VistreamError
from vistream.evaluate.pairs import Pair
from vistream.evaluate.sot import SotScores, combine_sot, sot_scores
from vistream.evaluate.table import Table
from vistream.formats.otb import read_otb


def sot_table(pairs: Sequence[Pair]) -> Table:
    """Score every pair of files; every sequence counts the same in the combined row.

    Raises VistreamError where a file is malformed or the two have different numbers of lines.
    """
    scores: dict[str, SotScores] = {}
    for pair in pairs:
        try:
            scores[pair.name] = sot_scores(read_otb(pair.gt), read_otb(pair.pred))
        except ValueError as error:
            raise VistreamError(f"{pair.gt} against {pair.pred}: {error}") from None
    rows = {name: score.row() for name, score in scores.items()}
    combined = combine_sot(list(scores.values())).row() if len(scores) > 1 else None
    return Table("Single object tracking", rows, combined)
