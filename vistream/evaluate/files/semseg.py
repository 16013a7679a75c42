"""Score folders of class maps, one a sequence, against ground truth under the rules of its dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path

import numpy as np

from vistream.errors import VistreamError
from vistream.evaluate.datasets.benchmarks import Benchmark, Labels, label_maps, read_ground_truth
from vistream.evaluate.files.pairs import Pair
from vistream.evaluate.metrics.segmentation import Counts, class_rows, confusion, segmentation_row
from vistream.evaluate.table import Table
from vistream.media.formats.davis import read_classes

HEADLINE = ("mIoU", "Pixel accuracy", "Mean accuracy", "FW IoU")
Maps = list[tuple[Path, Path]]
"""Label maps of the ground truth, each with the prediction's."""
UNNAMED = 255
"""Classes that there can be where no dataset is named."""


def semseg_table(pairs: Sequence[Pair], rules: Benchmark | None = None) -> Table:
    """Score every pair of folders; the combined row is over all of their pixels.

    `rules`: None takes numbers as they stand, and 255 as not scored. Raises VistreamError where a label map is broken,
    missing, of another size or dataset, or nothing is to be scored.
    """
    return maps_table({pair.name: _maps(pair) for pair in pairs}, rules)


def maps_table(maps: Mapping[str, Maps], rules: Benchmark | None) -> Table:
    """The same of files that are paired already, by name of their sequence."""
    counts = {name: _count(pairs, rules, name) for name, pairs in maps.items()}
    total = reduce(np.add, counts.values())
    rows = {name: segmentation_row(found) for name, found in counts.items()}
    names = rules.class_set.names if rules is not None else tuple(f"class {label}" for label in range(UNNAMED))
    classes = Table("Classes", class_rows(total, names))
    combined = segmentation_row(total) if len(maps) > 1 else None
    return Table("Semantic segmentation", rows, combined, HEADLINE, details=(classes,))


def _maps(pair: Pair) -> Maps:
    gt, guesses = label_maps(pair.gt), label_maps(pair.pred)
    missing = [key for key in gt if key not in guesses]
    if missing:
        raise VistreamError(
            f"{pair.pred} lacks {missing[0]}.png ({len(missing)} of {len(gt)} label maps are missing): "
            "every label map of the ground truth needs a prediction"
        )
    return [(path, guesses[key]) for key, path in gt.items()]


def _count(maps: Maps, rules: Benchmark | None, name: str) -> Counts:
    classes = UNNAMED if rules is None else len(rules.class_set)
    counts = np.zeros((classes, classes + 1), np.int64)
    for path, guess in maps:
        counts += _compared(read_ground_truth(path, rules), path, guess, classes)
    if not counts.sum():
        raise VistreamError(f"{name} has no pixel to score")
    return counts


def _compared(gt: Labels, path: Path, guess: Path, classes: int) -> Counts:
    labels = read_classes(guess)
    if labels.shape != gt.shape:
        sizes = [" x ".join(map(str, shape[::-1])) for shape in (labels.shape, gt.shape)]
        raise VistreamError(f"{guess} is {sizes[0]} pixels, {path} is {sizes[1]}")
    return confusion(gt, labels, classes)
