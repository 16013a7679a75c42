"""One frame of poses against its ground truth: joint distances, and which skeleton belongs to which person.

Source: Andriluka et al., "PoseTrack: A Benchmark for Human Pose Estimation and Tracking", CVPR 2018, and the
rules of its evaluation, poseval. Counting over frames is in `pose`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Skeletons:
    """People in one frame, `[N]` of them with `J` joints each.

    `ids`: int64 `[N]`; `joints`: `[N, J, 2]`, (x, y) in pixels; `present`: bool `[N, J]`, which joints are
    given; `scores`: `[N, J]`, confidence of each joint, any scale.
    """

    ids: NDArray[np.int64]
    joints: Array
    present: Flags
    scores: Array

    def __len__(self) -> int:
        return len(self.ids)

    def without(self, gone: Flags) -> Skeletons:
        """Drop the joints marked in `gone` `[N, J]`; people left without any joint go too."""
        present = self.present & ~gone
        rows = present.any(axis=1)
        return Skeletons(self.ids[rows], self.joints[rows], present[rows], self.scores[rows])


def head_size(heads: Array) -> Array:
    """The reference length of PCKh: 0.6 of the diagonal of each head box (x1, y1, x2, y2) `[N, 4]`: `[N]`.

    >>> head_size(np.array([[10.0, 10, 40, 50]]))
    array([30.])
    """
    return np.asarray(0.6 * np.hypot(heads[:, 2] - heads[:, 0], heads[:, 3] - heads[:, 1]))


def inside(points: Array, polygons: Sequence[Array]) -> Flags:
    """Which points `[..., 2]` lie strictly inside one of the polygons `[V, 2]`.

    >>> square = np.array([[0.0, 0], [4, 0], [4, 4], [0, 4]])
    >>> inside(np.array([[2.0, 2], [4, 2], [9, 9]]), [square]).tolist()
    [True, False, False]
    """
    flat = points.reshape(-1, 2)
    found = np.zeros(len(flat), dtype=np.bool_)
    for polygon in polygons:
        contour = np.ascontiguousarray(polygon, dtype=np.float32).reshape(-1, 1, 2)
        within = [cv2.pointPolygonTest(contour, (float(x), float(y)), False) > 0 for x, y in flat]
        found |= np.array(within, dtype=np.bool_)  # without points, too
    return found.reshape(points.shape[:-1])


@dataclass(frozen=True, slots=True)
class PosePair:
    """One frame ready to score: `G` people of the ground truth with head sizes `[G]`, `P` predicted ones."""

    gt: Skeletons
    head: Array
    pred: Skeletons

    def outside(self, ignored: Sequence[Array]) -> PosePair:
        """The same frame without the joints, on either side, that lie inside an ignored polygon."""
        if not ignored:
            return self
        gone = inside(self.gt.joints, ignored)
        left = (self.gt.present & ~gone).any(axis=1)
        return replace(
            self,
            gt=self.gt.without(gone),
            head=self.head[left],
            pred=self.pred.without(inside(self.pred.joints, ignored)),
        )

    def distances(self) -> Array:
        """Distance of every joint of every person to the predicted one, in head sizes: `[G, P, J]`.

        Infinite where either side lacks the joint.
        """
        apart = self.gt.joints[:, None] - self.pred.joints[None]
        both = self.gt.present[:, None] & self.pred.present[None]
        return np.where(both, np.hypot(apart[..., 0], apart[..., 1]) / self.head[:, None, None], np.inf)

    def owners(self, correct: Flags) -> NDArray[np.intp]:
        """For every prediction the person it is held against in average precision, or -1: `[P]`.

        `correct` `[G, P, J]`: the joint is near enough. A prediction stands for the person of whom it gets
        the largest share of joints right; of several that stand for one person the best is kept.
        """
        owner = np.full(len(self.pred), -1)
        if not len(self.gt) or not len(self.pred):
            return owner
        share = correct.sum(axis=2) / np.maximum(1, self.gt.present.sum(axis=1))[:, None]
        first_choice = share.argmax(axis=0)
        standing = np.zeros_like(share)
        columns = np.arange(share.shape[1])
        standing[first_choice, columns] = share[first_choice, columns]
        best = standing.argmax(axis=1)
        taken = standing.max(axis=1) > 0
        owner[best[taken]] = np.flatnonzero(taken)
        return owner
