"""Score folders of label maps, one a sequence, by J and F under the semi-supervised protocol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from vistream.errors import VistreamError
from vistream.evaluate.files.pairs import Pair
from vistream.evaluate.metrics.vos import VOID, Labels, ObjectScores, mean_row, score_objects
from vistream.evaluate.table import Table
from vistream.media.formats.davis import label_files, read_folder, read_labels

HEADLINE = ("J&F", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay")


def vos_table(pairs: Sequence[Pair]) -> Table:
    """Score every pair of folders: a sequence's row is the mean over its objects, the combined one over all
    objects. Objects that appear after the first frame are not scored, which a note says.

    Raises VistreamError where a label map is broken, missing or of another size, or nothing is to be scored.
    """
    rows: dict[str, dict[str, float]] = {}
    objects: dict[str, dict[str, float]] = {}
    notes: list[str] = []
    for pair in pairs:
        scores, late = _score(pair)
        of_pair = {f"{pair.name} {number}": score.row() for number, score in scores.items()}
        if late:
            which = f"object {late[0]}" if len(late) == 1 else f"objects {', '.join(map(str, late))}"
            notes.append(f"{pair.name}: not scored, because the first frame doesn't show them: {which}")
        rows[pair.name] = mean_row(list(of_pair.values()))
        objects.update(of_pair)
    combined = mean_row(list(objects.values())) if len(pairs) > 1 else None
    details = (Table("Objects", objects, headline=HEADLINE),) if len(objects) > len(pairs) else ()
    return Table("Video object segmentation", rows, combined, HEADLINE, tuple(notes), details)


def _score(pair: Pair) -> tuple[dict[int, ObjectScores], list[int]]:
    """J and F of the objects of the first frame, and those that appear later."""
    names = [file.stem for file in label_files(pair.gt)][: pair.most]
    predicted = {file.stem for file in label_files(pair.pred)}
    missing = [name for name in names if name not in predicted]
    if missing:
        raise VistreamError(
            f"{pair.pred} lacks {missing[0]}.png ({len(missing)} of {len(names)} frames are missing): "
            "every frame of the ground truth needs a label map"
        )
    seen: set[int] = set()
    try:
        scores = score_objects(_truths(pair, seen), _guesses(pair, set(names)))
    except ValueError as error:
        raise VistreamError(f"{pair.gt} against {pair.pred}: {error}") from None
    return scores, sorted(seen - scores.keys())


def _truths(pair: Pair, seen: set[int]) -> Iterator[Labels]:
    """The true maps, whose objects are added to `seen` as they go by."""
    for _, labels in islice(read_folder(pair.gt), pair.most):
        seen.update(set(np.flatnonzero(np.bincount(labels.reshape(-1))).tolist()) - {0, VOID})
        yield labels


def _guesses(pair: Pair, names: set[str]) -> Iterator[Labels]:
    """The predicted maps of the true frames.

    A prediction has no void, so where there is one object only, 255 is taken for it as 1 is.
    """
    one_object = set(np.unique(read_labels(label_files(pair.gt)[0]))) <= {0, 1, VOID}
    for name, labels in read_folder(pair.pred):
        if name in names:
            yield np.where(labels == VOID, np.uint8(1), labels) if one_object else labels
