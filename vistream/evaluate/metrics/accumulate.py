"""Count tracking events with `motmetrics`: the one place where this project speaks to it.

Distances are ours: `motmetrics` 1.4 computes box overlaps with a function that NumPy 2 removed, and joins
accumulators with one that pandas 2 removed. Neither is called here; sequences are combined by adding counts.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from motmetrics import MOTAccumulator, metrics
from numpy.typing import NDArray

Ids: TypeAlias = NDArray[np.int64]
Counts: TypeAlias = dict[str, float]

_COUNTS = (
    "num_misses",
    "num_false_positives",
    "num_switches",
    "num_detections",
    "num_objects",
    "num_predictions",
)
_IDENTITY = ("idtp", "idfp", "idfn")


def accumulate(
    gt_ids: Sequence[Ids], pred_ids: Sequence[Ids], distances: Sequence[NDArray[np.float64]]
) -> MOTAccumulator:
    """Events of a sequence; entry `t` of each argument is frame `t`: ids `[G]` and `[P]`, distances `[G, P]`.

    NaN forbids a pair. `motmetrics` keeps a pair of an earlier frame while it is allowed, and matches the
    rest at the least total distance (Bernardin and Stiefelhagen, 2008).
    """
    accumulator = MOTAccumulator()
    for frame, (gt, pred, distance) in enumerate(zip(gt_ids, pred_ids, distances, strict=True)):
        accumulator.update(gt, pred, distance, frameid=frame)
    return accumulator


def event_counts(accumulator: MOTAccumulator) -> Counts:
    """Misses, false positives, switches, detections, objects and predictions, under `motmetrics`' names.

    `distance` is the sum of the distances of the matched pairs.

    >>> frame = np.array([[0.2, np.nan]])
    >>> event_counts(accumulate([np.array([5])], [np.array([1, 2])], [frame]))["num_false_positives"]
    1.0
    """
    counts = _compute(accumulator, (*_COUNTS, "motp"))
    mean_distance = counts.pop("motp")
    return {
        **counts,
        "distance": mean_distance * counts["num_detections"] if counts["num_detections"] else 0.0,
    }


def identity_counts(accumulator: MOTAccumulator) -> Counts:
    """`idtp`, `idfp` and `idfn` of the best one-to-one assignment of whole trajectories (Ristani et al.,
    2016).
    """
    return _compute(accumulator, _IDENTITY)


def _compute(accumulator: MOTAccumulator, names: Sequence[str]) -> Counts:
    with warnings.catch_warnings():
        # pandas announces changes that motmetrics has not followed yet; they don't alter today's counts
        warnings.simplefilter("ignore", category=FutureWarning)
        warnings.simplefilter("ignore", category=DeprecationWarning)
        answer = metrics.create().compute(accumulator, metrics=list(names), return_dataframe=False)
    return {name: float(answer[name]) for name in names}
