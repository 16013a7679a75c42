"""Video object segmentation: region similarity J and boundary accuracy F.

Source: Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR
2016; Pont-Tuset et al., "The 2017 DAVIS Challenge", 2017. Semi-supervised protocol: the objects are those
of the first frame, and the first and last frame are not scored. Values are 0..1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Labels = NDArray[np.uint8]

VOID = 255
"""The label of pixels that are not scored."""


def jaccard(gt: Mask, pred: Mask) -> float:
    """J: intersection over union of two masks `[H, W]`; 1 when both are empty.

    >>> jaccard(np.array([[1, 1, 0]], bool), np.array([[0, 1, 1]], bool))
    0.3333333333333333
    """
    union = int(np.count_nonzero(gt | pred))
    return int(np.count_nonzero(gt & pred)) / union if union else 1.0


def boundary(mask: Mask) -> Mask:
    """The contour of a mask `[H, W]`, one pixel wide: pixels that differ from the one right, below or below
    right.

    Past the frame's edge a mask goes on as at the edge.

    >>> boundary(np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]], bool)).astype(int).tolist()
    [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    """
    grown = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    right, below, diagonal = grown[:-1, 1:], grown[1:, :-1], grown[1:, 1:]
    return np.asarray((mask != right) | (mask != below) | (mask != diagonal))


def boundary_accuracy(gt: Mask, pred: Mask) -> float:
    """F: the harmonic mean of the shares of either contour that lie near the other; 1 when both are empty.

    Near is within `ceil(0.008 x diagonal)` pixels, both masks `[H, W]`.

    >>> a = np.zeros((20, 20), bool)
    >>> a[5:10, 5:10] = True
    >>> boundary_accuracy(a, a), boundary_accuracy(a, np.roll(a, 1, axis=0)), boundary_accuracy(a, ~a & False)
    (1.0, 1.0, 0.0)
    """
    contour, guess = boundary(gt), boundary(pred)
    total, guessed = int(np.count_nonzero(contour)), int(np.count_nonzero(guess))
    if not total or not guessed:
        return float(total == guessed)
    radius = int(np.ceil(0.008 * np.hypot(*gt.shape)))
    precision = int(np.count_nonzero(guess & _grow(contour, radius))) / guessed
    recall = int(np.count_nonzero(contour & _grow(guess, radius))) / total
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _grow(mask: Mask, radius: int) -> Mask:
    """Every pixel within `radius` of the mask."""
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    disk = (x * x + y * y <= radius * radius).astype(np.uint8)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disk), dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class ObjectScores:
    """J and F of one object on each scored frame: `[T]` each."""

    j: Array
    f: Array

    def row(self) -> dict[str, float]:
        """Mean, recall (the share of frames above one half) and decay of both, and J&F, the mean of the
        means.
        """
        row = {"J&F": float(self.j.mean() + self.f.mean()) / 2}
        for name, values in (("J", self.j), ("F", self.f)):
            row[f"{name}-Mean"] = float(values.mean())
            row[f"{name}-Recall"] = float((values > 0.5).mean())
            row[f"{name}-Decay"] = decay(values)
        return row


def decay(values: Array) -> float:
    """How much is lost from the first quarter of the frames to the last: difference of the means, `[T]` in.

    The quarters share their end frames, as in the benchmark's code.

    >>> decay(np.array([1.0, 1.0, 0.8, 0.5, 0.5]))
    0.5
    """
    edges = np.round(np.linspace(1, len(values), 5) + 1e-10).astype(int) - 1
    return float(values[edges[0] : edges[1] + 1].mean() - values[edges[3] : edges[4] + 1].mean())


def score_objects(gt: Iterable[Labels], pred: Iterable[Labels]) -> dict[int, ObjectScores]:
    """J and F of every object, by its label, over all but the first and last frame.

    `gt` and `pred` give one label map `[H, W]` a frame, first to last: 0 background, 1..254 objects, 255
    void (left out of both). Maps are taken one pair at a time, so a generator keeps memory flat. Raises
    ValueError where lengths or sizes differ, where the first frame has no object, and below three frames.
    """
    objects: list[int] = []
    scores: list[list[tuple[float, float]]] = []
    for number, (expected, guess) in enumerate(zip(gt, pred, strict=True)):
        if expected.shape != guess.shape:
            raise ValueError(f"frame {number}: {guess.shape} predicted, {expected.shape} in the ground truth")
        if number == 0:
            objects = [int(n) for n in np.unique(expected) if n not in (0, VOID)]
        scores.append(_score_frame(expected, guess, objects))
    if not objects:
        raise ValueError("the first frame has no object")
    if len(scores) < 3:
        raise ValueError(f"{len(scores)} frames; the first and last are not scored, so three are the least")
    table = np.array(scores[1:-1])
    return {name: ObjectScores(table[:, i, 0], table[:, i, 1]) for i, name in enumerate(objects)}


def _score_frame(expected: Labels, guess: Labels, objects: Sequence[int]) -> list[tuple[float, float]]:
    scored = expected != VOID
    pairs = [((expected == name) & scored, (guess == name) & scored) for name in objects]
    return [(jaccard(a, b), boundary_accuracy(a, b)) for a, b in pairs]


def mean_row(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean over objects, as DAVIS combines them: every object counts the same, whatever its sequence."""
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
