"""Single object tracking: success (overlap) and precision (centre error), as the OTB benchmark scores them.

Source: Wu, Lim and Yang, "Online Object Tracking: A Benchmark", CVPR 2013 (one-pass evaluation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vistream.evaluate.metrics.overlap import paired_box_iou

Array = NDArray[np.float64]

OVERLAPS: Array = np.arange(0, 1.05, 0.05)
"""The 21 overlap thresholds of the success curve."""
PIXELS = 20.0
"""The centre error, in pixels, up to which a frame is precise."""


@dataclass(frozen=True, slots=True)
class SotScores:
    """`success` `[21]`: the share of frames whose overlap exceeds each threshold. `precise`: 0..1."""

    success: Array
    precise: float
    frames: int

    def row(self) -> dict[str, float]:
        """The figures of a results table: area under the success curve, precision, frames scored."""
        return {"Success AUC": float(self.success.mean()), "Precision@20": self.precise, "Frames": self.frames}


def sot_scores(gt: Array, pred: Array) -> SotScores:
    """Score one sequence of boxes (x, y, w, h), both `[T, 4]`.

    A frame without a true box (NaN, or no area) is not scored; a missing predicted box (NaN) counts as a
    failure. Raises ValueError where no frame is left or the lengths differ.

    >>> expected = np.array([[0.0, 0, 10, 10], [0, 0, 10, 10]])
    >>> scores = sot_scores(expected, np.array([[0.0, 0, 10, 10], [50, 50, 10, 10]]))
    >>> scores.success[[0, 19, 20]], scores.precise  # overlap 1 exceeds every threshold but 1 itself
    (array([0.5, 0.5, 0. ]), 0.5)
    """
    if gt.shape != pred.shape:
        raise ValueError(f"{len(pred)} boxes predicted, {len(gt)} in the ground truth")
    visible = (gt[:, 2] > 0) & (gt[:, 3] > 0)
    if not visible.any():
        raise ValueError("no frame has a true box")
    expected, guess = gt[visible], pred[visible]
    lost: NDArray[np.bool_] = np.asarray(np.isnan(guess).any(axis=1))
    overlap = np.where(lost, 0.0, paired_box_iou(expected, np.where(lost[:, None], 0.0, guess)))
    offset = (expected[:, :2] + expected[:, 2:] / 2) - (guess[:, :2] + guess[:, 2:] / 2)
    error = np.where(lost, np.inf, np.hypot(offset[:, 0], offset[:, 1]))
    success = (overlap[:, None] > OVERLAPS).mean(axis=0)
    return SotScores(success, float((error <= PIXELS).mean()), int(visible.sum()))


def combine_sot(scores: Sequence[SotScores]) -> SotScores:
    """Many sequences as one: curves are averaged, every sequence counting the same, as in OTB."""
    return SotScores(
        np.mean([s.success for s in scores], axis=0),
        float(np.mean([s.precise for s in scores])),
        sum(s.frames for s in scores),
    )
