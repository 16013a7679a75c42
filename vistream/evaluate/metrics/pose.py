"""Pose tracking: MOTA, MOTP, precision, recall, IDF1 and average precision (AP), joint by joint.

A joint is right within half a head size (PCKh 0.5). The rules are poseval's, those of the PoseTrack
benchmark, with `motmetrics` counting each joint as an object of its own. Three slips of its code are not
repeated: it leaves the last frame of each sequence out, counts one miss in a frame whose people were all
missed, and takes the distances of candidate pairs into MOTP along with those of the matched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vistream.evaluate.metrics.accumulate import accumulate, event_counts, identity_counts
from vistream.evaluate.metrics.pose_frame import PosePair

Array = NDArray[np.float64]

PCKH = 0.5
"""How far a joint may be off, in head sizes."""


@dataclass(frozen=True, slots=True)
class PoseScores:
    """Counts joint by joint; every array is float64 `[J]`.

    `distance`: the sum over the `detections`, in head sizes. `ranked[j]`: scores and correctness `[N, 2]`
    of all predictions of joint `j`, for average precision.
    """

    joints: tuple[str, ...]
    objects: Array
    detections: Array
    misses: Array
    false_positives: Array
    switches: Array
    distance: Array
    idtp: Array
    idfp: Array
    idfn: Array
    ranked: tuple[Array, ...]

    def by_joint(self) -> dict[str, dict[str, float]]:
        """The figures of each joint; NaN where a joint never occurs and the figure has no meaning."""
        columns = self._columns()
        return {
            name: {column: float(values[j]) for column, values in columns.items()} | {"IDSW": int(self.switches[j])}
            for j, name in enumerate(self.joints)
        }

    def row(self) -> dict[str, float]:
        """The figures of a results table: means over the joints that have the figure; IDSW is the sum."""
        columns = self._columns()
        return {name: _mean(values) for name, values in columns.items()} | {"IDSW": int(self.switches.sum())}

    def _columns(self) -> dict[str, Array]:
        wrong = self.misses + self.switches + self.false_positives
        return {
            "MOTA": 1 - _ratio(wrong, self.objects),
            "MOTP": np.where(self.detections > 0, 1 - self.distance / np.maximum(1, self.detections), 0.0),
            "Precision": _ratio(self.detections, self.detections + self.false_positives),
            "Recall": _ratio(self.detections, self.objects),
            "IDF1": _ratio(2 * self.idtp, 2 * self.idtp + self.idfp + self.idfn),
            "AP": np.array([average_precision(r, int(n)) for r, n in zip(self.ranked, self.objects, strict=True)]),
        }


def pose_scores(frames: Sequence[PosePair], joints: Sequence[str]) -> PoseScores:
    """Score one sequence; `joints` names the `J` joints of the frames. A frame without people is not scored.

    A person with one joint, found 3 pixels off where a head size is 30:

    >>> from vistream.evaluate.metrics.pose_frame import Skeletons
    >>> def one(x): return Skeletons(np.array([1]), np.array([[[x, 0.0]]]), np.ones((1, 1), bool), np.ones((1, 1)))
    >>> row = pose_scores([PosePair(one(0.0), np.array([30.0]), one(3.0))], ["nose"]).row()
    >>> row["MOTA"], row["MOTP"], row["AP"]
    (1.0, 0.9, 1.0)
    """
    scored = [frame for frame in frames if len(frame.gt)]
    distances = [frame.distances() for frame in scored]
    counts = [_joint_counts(scored, distances, j) for j in range(len(joints))]

    def column(name: str) -> Array:
        return np.array([count[name] for count in counts], dtype=np.float64)

    return PoseScores(
        joints=tuple(joints),
        objects=column("num_objects"),
        detections=column("num_detections"),
        misses=column("num_misses"),
        false_positives=column("num_false_positives"),
        switches=column("num_switches"),
        distance=column("distance"),
        idtp=column("idtp"),
        idfp=column("idfp"),
        idfn=column("idfn"),
        ranked=_ranked(scored, distances, len(joints)),
    )


def combine_pose(scores: Sequence[PoseScores]) -> PoseScores:
    """Many sequences as one: counts add up, and all predictions are ranked together."""
    first = scores[0]
    if any(s.joints != first.joints for s in scores):
        raise ValueError("sequences with different joints cannot be combined")
    names = ("objects", "detections", "misses", "false_positives", "switches", "distance", "idtp", "idfp", "idfn")
    totals = {name: np.sum([getattr(s, name) for s in scores], axis=0) for name in names}
    ranked = tuple(np.concatenate([s.ranked[j] for s in scores]) for j in range(len(first.joints)))
    return PoseScores(joints=first.joints, ranked=ranked, **totals)


def average_precision(ranked: Array, positives: int) -> float:
    """Area under the precision-recall curve, precision made monotone first (PASCAL VOC 2010); NaN without
    positives.

    `ranked` `[N, 2]`: score, and 1 where the prediction is right. `positives`: how many there were to find.

    >>> average_precision(np.array([[0.9, 1], [0.8, 0], [0.7, 1]]), 2)  # 1/2 * 1 + 1/2 * 2/3
    0.8333333333333333
    """
    if not positives:
        return float("nan")
    right = ranked[np.argsort(-ranked[:, 0], kind="stable"), 1]
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    return float((best_from_here * right).sum() / positives)


def _joint_counts(frames: Sequence[PosePair], distances: Sequence[Array], joint: int) -> dict[str, float]:
    """What `motmetrics` counts when joint number `joint` of everybody is all there is."""
    gt_ids, pred_ids, costs = [], [], []
    for frame, distance in zip(frames, distances, strict=True):
        rows, columns = frame.gt.present[:, joint], frame.pred.present[:, joint]
        cost = distance[rows][:, columns, joint]
        gt_ids.append(frame.gt.ids[rows])
        pred_ids.append(frame.pred.ids[columns])
        costs.append(np.where(cost <= PCKH, cost, np.nan))
    accumulator = accumulate(gt_ids, pred_ids, costs)
    return {**event_counts(accumulator), **identity_counts(accumulator)}


def _ranked(frames: Sequence[PosePair], distances: Sequence[Array], joints: int) -> tuple[Array, ...]:
    """Every prediction of each joint as (score, right or not): `[N, 2]` a joint."""
    rows: list[list[Array]] = [[np.zeros((0, 2))] for _ in range(joints)]
    for frame, distance in zip(frames, distances, strict=True):
        correct = distance <= PCKH
        owner = frame.owners(correct)
        people = np.arange(len(frame.pred))
        right = (owner >= 0)[:, None] & correct[owner, people]
        for joint in range(joints):
            given = frame.pred.present[:, joint]
            rows[joint].append(np.stack([frame.pred.scores[given, joint], right[given, joint]], axis=1))
    return tuple(np.concatenate(parts) for parts in rows)


def _ratio(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _mean(values: Array) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
