"""What the numbers in predicted label maps mean: classes from 0, or the numbers of the dataset's own label files.

Both are handed round, and a folder seldom says which it holds. Where file names don't tell, that is taken by which more
pixels are right, for all maps together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vistream.evaluate.datasets.benchmarks import IDS, TRAIN_IDS, Benchmark, Labels, label_of_number
from vistream.evaluate.metrics.segmentation import Counts

NUMBERS = 256


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """`labels`: the class of each number, uint8 `[256]`; what is no class is wrong wherever it stands. `endings`: of
    files that say themselves that they are to be read so.
    """

    name: str = ""
    labels: Labels = field(default_factory=lambda: np.arange(NUMBERS, dtype=np.uint8))
    endings: tuple[str, ...] = ()


AS_THEY_STAND = (Reading(),)


def readings_of(rules: Benchmark | None) -> tuple[Reading, ...]:
    """How predictions for a dataset may be read, the usual way first."""
    if rules is None or not (rules.reduced or rules.own_ids):
        return AS_THEY_STAND
    own = label_of_number(rules, own_ids=rules.own_ids)
    if rules.own_ids:
        trained = f"training numbers, 0 to {len(rules.class_set) - 1}"
        return Reading(trained, endings=TRAIN_IDS), Reading("Cityscapes' own numbers, of labelIds", own, IDS)
    return Reading("classes from 0"), Reading("classes from 1, as label files have them", own)


def told_by_name(path: Path, readings: tuple[Reading, ...]) -> Reading | None:
    """The one that the name of a file asks for; None where it says nothing."""
    return next((reading for reading in readings if reading.endings and path.stem.endswith(reading.endings)), None)


def columns(found: NDArray[np.int64], reading: Reading) -> Counts:
    """The confusion matrix `[classes, classes + 1]` of pixels counted by class and predicted number, `[classes, 256]`.

    >>> columns(np.eye(2, 256, k=1, dtype=np.int64), Reading()).tolist()
    [[0, 1, 0], [0, 0, 1]]
    """
    classes = len(found)
    counts = np.zeros((classes + 1, classes), np.int64)
    np.add.at(counts, np.minimum(reading.labels, classes).astype(np.intp), found.T)
    return counts.T


def likeliest(found: NDArray[np.int64], readings: tuple[Reading, ...]) -> Reading:
    """That by which more pixels are right, of pixels counted by class and predicted number, `[classes, 256]`; of equals
    the first.
    """
    return max(readings, key=lambda reading: int(np.trace(columns(found, reading))))
