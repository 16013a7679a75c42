"""HOTA: how well objects are detected and associated, over all overlap thresholds at once.

Source: Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking", IJCV 2021.
Oracle: TrackEval 1.3.0, whose treatment of empty sequences is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vistream.evaluate.metrics.scene import Scene

Array = NDArray[np.float64]

ALPHAS: Array = np.arange(0.05, 0.99, 0.05)
"""The 19 overlap thresholds over which HOTA is averaged."""

_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class HotaScores:
    """Counts and association scores at each of the 19 thresholds: every field is float64 `[19]`.

    `tp`, `fn`, `fp`: detections found, missed, invented. `ass_a`, `ass_re`, `ass_pr`: association accuracy,
    recall and precision, averaged over the `tp`, 0..1. `loc`: the sum of the similarities of the `tp`.
    """

    tp: Array
    fn: Array
    fp: Array
    ass_a: Array
    ass_re: Array
    ass_pr: Array
    loc: Array

    @property
    def det_a(self) -> Array:
        """Detection accuracy, 0..1."""
        return self.tp / np.maximum(1, self.tp + self.fn + self.fp)

    @property
    def hota(self) -> Array:
        """The geometric mean of detection and association accuracy, 0..1."""
        return np.sqrt(self.det_a * self.ass_a)

    @property
    def loc_a(self) -> Array:
        """Mean similarity of the detections found, 0..1; 1 where nothing was found."""
        return np.where(self.tp > 0, self.loc / np.maximum(1, self.tp), 1.0)

    def row(self) -> dict[str, float]:
        """The figures of a results table: means over the thresholds."""
        curves = {
            "HOTA": self.hota,
            "DetA": self.det_a,
            "AssA": self.ass_a,
            "DetRe": self.tp / np.maximum(1, self.tp + self.fn),
            "DetPr": self.tp / np.maximum(1, self.tp + self.fp),
            "AssRe": self.ass_re,
            "AssPr": self.ass_pr,
            "LocA": self.loc_a,
        }
        return {name: float(curve.mean()) for name, curve in curves.items()}


def hota(scene: Scene) -> HotaScores:
    """Score one sequence.

    Two objects over two frames; the tracker finds both in frame 0 and, in frame 1, one of them under a new
    id:

    >>> from vistream.evaluate.metrics.scene import make_scene
    >>> both = [[1.0, 0.0], [0.0, 1.0]]
    >>> scores = hota(make_scene([[1, 2], [1, 2]], [[1, 2], [1, 3]], [both, both]))
    >>> scores.row()["DetA"], scores.row()["AssA"]  # associations of the four: 1, 1, 1/2, 1/2
    (1.0, 0.75)
    """
    gt_count = np.bincount(_flat(scene.gt_ids), minlength=scene.gt_tracks)[:, None]
    pred_count = np.bincount(_flat(scene.pred_ids), minlength=scene.pred_tracks)[None, :]
    gt, pred, similarity = _matches(scene, gt_count, pred_count)

    count = len(ALPHAS)
    tp, loc, ass_a, ass_re, ass_pr = (np.zeros(count) for _ in range(5))
    for index, alpha in enumerate(ALPHAS):
        found = similarity >= alpha - _EPS
        tp[index], loc[index] = found.sum(), similarity[found].sum()
        pairs = np.zeros((scene.gt_tracks, scene.pred_tracks))
        np.add.at(pairs, (gt[found], pred[found]), 1)
        total = max(1.0, tp[index])
        ass_a[index] = (pairs * pairs / np.maximum(1, gt_count + pred_count - pairs)).sum() / total
        ass_re[index] = (pairs * pairs / np.maximum(1, gt_count)).sum() / total
        ass_pr[index] = (pairs * pairs / np.maximum(1, pred_count)).sum() / total
    return HotaScores(tp, scene.gt_total - tp, scene.pred_total - tp, ass_a, ass_re, ass_pr, loc)


def combine_hota(scores: Sequence[HotaScores]) -> HotaScores:
    """Many sequences as one: counts add up, association scores are weighted by the detections found."""
    tp = np.sum([s.tp for s in scores], axis=0)

    def weighted(values: list[Array]) -> Array:
        return np.asarray(np.sum(values, axis=0) / np.maximum(1.0, tp), dtype=np.float64)

    return HotaScores(
        tp,
        np.sum([s.fn for s in scores], axis=0),
        np.sum([s.fp for s in scores], axis=0),
        weighted([s.ass_a * s.tp for s in scores]),
        weighted([s.ass_re * s.tp for s in scores]),
        weighted([s.ass_pr * s.tp for s in scores]),
        np.sum([s.loc for s in scores], axis=0),
    )


def _flat(frames: tuple[NDArray[np.int64], ...]) -> NDArray[np.int64]:
    return np.concatenate(frames) if frames else np.zeros(0, dtype=np.int64)


def _alignment(scene: Scene, gt_count: NDArray[np.int64], pred_count: NDArray[np.int64]) -> Array:
    """How well each object and each prediction go together over the whole sequence: `[gt_tracks,
    pred_tracks]`.

    A Jaccard index over time in which a frame counts as much as the pair's share of all the overlap there.
    """
    together = np.zeros((scene.gt_tracks, scene.pred_tracks))
    for gt, pred, similarity in zip(scene.gt_ids, scene.pred_ids, scene.similarity, strict=True):
        others = similarity.sum(axis=0)[None, :] + similarity.sum(axis=1)[:, None] - similarity
        share = np.divide(similarity, others, out=np.zeros_like(similarity), where=others > _EPS)
        together[gt[:, None], pred[None, :]] += share
    return together / np.maximum(gt_count + pred_count - together, _EPS)


def _matches(
    scene: Scene, gt_count: NDArray[np.int64], pred_count: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """The pairs matched frame by frame, as flat arrays: object, prediction, similarity.

    Each frame's matching favours pairs that go together over the whole sequence; one serves all thresholds.
    """
    alignment = _alignment(scene, gt_count, pred_count)
    found_gt, found_pred, found_similarity = [], [], []
    for gt, pred, similarity in zip(scene.gt_ids, scene.pred_ids, scene.similarity, strict=True):
        rows, columns = linear_sum_assignment(-alignment[gt[:, None], pred[None, :]] * similarity)
        found_gt.append(gt[rows])
        found_pred.append(pred[columns])
        found_similarity.append(similarity[rows, columns])
    similarities = np.concatenate(found_similarity) if found_similarity else np.zeros(0)
    return _flat(tuple(found_gt)), _flat(tuple(found_pred)), similarities
