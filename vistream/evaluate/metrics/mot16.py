"""MOT16 and later: who takes part in the scoring, by class and flag.

Source: Milan et al., "MOT16: A Benchmark for Multi-Object Tracking", 2016, section 4. Oracle: TrackEval
1.3.0. Ground truth of MOT15 has no classes and does not come here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

PEDESTRIAN = 1
DISTRACTORS = (2, 7, 8, 12)
"""Person on a vehicle, static person, distractor, reflection: seeing one is neither right nor wrong."""

MOT20_DISTRACTORS = (*DISTRACTORS, 6)
"""There a vehicle without a motor is one, too."""

_EPS = float(np.finfo(np.float64).eps)


def distractors_of(*names: str) -> tuple[int, ...]:
    """The classes of distractors of a sequence, by what it or its files are called: MOT20 has one more.

    >>> distractors_of("MOT20-01"), distractors_of("mine", "data/MOT17/train/MOT17-02-FRCNN/gt/gt.txt")
    ((2, 7, 8, 12, 6), (2, 7, 8, 12))
    """
    return MOT20_DISTRACTORS if any("MOT20" in name.upper() for name in names) else DISTRACTORS


def who_counts(
    similarity: NDArray[np.float64],
    classes: NDArray[np.int64],
    flags: NDArray[np.int64],
    distractors: Sequence[int] = DISTRACTORS,
    threshold: float = 0.5,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For one frame, which objects are scored, and which predictions: bool `[G]` and `[P]`.

    `similarity` `[G, P]` covers objects of every class; `classes` and `flags` `[G]` are columns 8 and 7 of
    the file. Predictions are matched to all objects; those that land on a distractor are left out. Of the
    objects, pedestrians with a flag other than 0 stay.

    A pedestrian, one that is flagged out, and a reflection; the prediction on the reflection goes:

    >>> overlap = np.array([[0.8, 0.0, 0.0], [0.0, 0.7, 0.0], [0.0, 0.0, 0.9]])
    >>> objects, predictions = who_counts(overlap, np.array([1, 1, 12]), np.array([1, 0, 1]))
    >>> objects.tolist(), predictions.tolist()
    ([True, False, False], [True, True, False])
    """
    gain = np.where(similarity >= threshold - _EPS, similarity, 0.0)
    rows, columns = linear_sum_assignment(-gain)
    on_distractor = (gain[rows, columns] > _EPS) & np.isin(classes[rows], distractors)
    predictions = np.ones(similarity.shape[1], dtype=np.bool_)
    predictions[columns[on_distractor]] = False
    return (classes == PEDESTRIAN) & (flags != 0), predictions
