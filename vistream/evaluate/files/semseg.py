"""Score folders of class maps, one a sequence, against ground truth under the rules of its dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import islice
from pathlib import Path

import numpy as np

from vistream.errors import VistreamError
from vistream.evaluate.datasets.benchmarks import Benchmark, Labels, label_maps, read_ground_truth
from vistream.evaluate.datasets.readings import (
    AS_THEY_STAND,
    NUMBERS,
    Reading,
    columns,
    likeliest,
    readings_of,
    told_by_name,
)
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

    `rules`: None takes numbers as they stand, and 255 as not scored. Predictions are read as `readings` has it; a note
    says how, where their names don't. Raises VistreamError where a label map is broken, missing, of another size or
    dataset, or nothing is to be scored.
    """
    return maps_table({pair.name: _maps(pair) for pair in pairs}, rules, readings_of(rules))


def maps_table(
    maps: Mapping[str, Maps], rules: Benchmark | None, readings: tuple[Reading, ...] = AS_THEY_STAND
) -> Table:
    """The same of files that are paired already, by name of their sequence; predictions are read in one of `readings`,
    without more in the only one.
    """
    found = {name: _count(pairs, rules, readings) for name, pairs in maps.items()}
    unnamed = [by_reading[None] for by_reading in found.values() if None in by_reading]
    chosen = likeliest(reduce(np.add, unnamed), readings) if unnamed else readings[0]
    counts = {name: _matrix(by_reading, chosen, name) for name, by_reading in found.items()}
    total = reduce(np.add, counts.values())
    rows = {name: segmentation_row(matrix) for name, matrix in counts.items()}
    names = rules.class_set.names if rules is not None else tuple(f"class {label}" for label in range(UNNAMED))
    classes = Table("Classes", class_rows(total, names))
    combined = segmentation_row(total) if len(maps) > 1 else None
    notes = (f"predictions are read as {chosen.name}",) if unnamed and len(readings) > 1 else ()
    return Table("Semantic segmentation", rows, combined, HEADLINE, notes, (classes,))


def _maps(pair: Pair) -> Maps:
    gt, guesses = dict(islice(label_maps(pair.gt).items(), pair.most)), label_maps(pair.pred)
    missing = [key for key in gt if key not in guesses]
    if missing:
        raise VistreamError(
            f"{pair.pred} lacks {missing[0]}.png ({len(missing)} of {len(gt)} label maps are missing): "
            "every label map of the ground truth needs a prediction"
        )
    return [(path, guesses[key]) for key, path in gt.items()]


def _count(maps: Maps, rules: Benchmark | None, readings: tuple[Reading, ...]) -> dict[Reading | None, Counts]:
    """Pixels by class and predicted number, int64 `[classes, 256]`, of the maps whose names ask for one of the
    `readings`, by that, and of the others (None).
    """
    classes = UNNAMED if rules is None else len(rules.class_set)
    found: dict[Reading | None, Counts] = {}
    for path, guess in maps:
        told = told_by_name(guess, readings)
        found.setdefault(told, np.zeros((classes, NUMBERS), np.int64))
        found[told] += _compared(read_ground_truth(path, rules), path, guess)[:classes, :NUMBERS]
    return found


def _matrix(found: Mapping[Reading | None, Counts], chosen: Reading, name: str) -> Counts:
    """The confusion matrix of one sequence; `chosen` is the reading of maps whose names say nothing."""
    matrix = reduce(np.add, (columns(part, told or chosen) for told, part in found.items()))
    if not matrix.sum():
        raise VistreamError(f"{name} has no pixel to score")
    return matrix


def _compared(gt: Labels, path: Path, guess: Path) -> Counts:
    labels = read_classes(guess)
    if labels.shape != gt.shape:
        sizes = [" x ".join(map(str, shape[::-1])) for shape in (labels.shape, gt.shape)]
        raise VistreamError(f"{guess} is {sizes[0]} pixels, {path} is {sizes[1]}")
    return confusion(gt, labels, NUMBERS)
