"""Score OTB text files: the boxes of one object, frame by frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vistream.errors import VistreamError
from vistream.evaluate.files.pairs import Pair
from vistream.evaluate.metrics.sot import SotScores, combine_sot, sot_scores
from vistream.evaluate.table import Table
from vistream.media.formats.otb import read_otb

HEADLINE = ("Success AUC", "Precision@20", "Frames")


def sot_table(pairs: Sequence[Pair]) -> Table:
    """Score every pair of files; every sequence counts the same in the combined row.

    Raises VistreamError where a file is malformed or the two have different numbers of lines.
    """
    scores: dict[str, SotScores] = {}
    for pair in pairs:
        try:
            scores[pair.name] = sot_scores(*(read_otb(path)[: pair.most] for path in (pair.gt, pair.pred)))
        except ValueError as error:
            raise VistreamError(f"{pair.gt} against {pair.pred}: {error}") from None
    return sot_objects_table({name: {1: score} for name, score in scores.items()})


def sot_objects_table(scores: Mapping[str, Mapping[int, SotScores]]) -> Table:
    """The scores of each sequence's objects, by their numbers; every object counts the same in both combined rows."""
    everybody = [score for objects in scores.values() for score in objects.values()]
    rows = {name: combine_sot(list(objects.values())).row() for name, objects in scores.items()}
    combined = combine_sot(everybody).row() if len(scores) > 1 else None
    objects = {f"{name} {number}": score.row() for name, of in scores.items() for number, score in of.items()}
    details = (Table("Objects", objects),) if len(objects) > len(scores) else ()
    return Table("Single object tracking", rows, combined, HEADLINE, details=details)
