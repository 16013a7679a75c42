"""CLEAR: misses, false positives and identity switches, frame by frame (MOTA, MOTP and their kin).

Source: Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance", 2008; Voigtlaender et
al., "MOTS", CVPR 2019, for the soft variant. Oracle: TrackEval 1.3.0, which scores MOTChallenge, and whose
matching is used: a pair of the *previous* frame is kept, then total overlap is maximised. `motmetrics`
alone would hold on to a pair across any gap; so each frame's matching is decided here, and `motmetrics`
counts what follows from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vistream.evaluate.metrics.accumulate import accumulate, event_counts
from vistream.evaluate.metrics.scene import Scene

_EPS = float(np.finfo(np.float64).eps)
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class ClearScores:
    """Counts, and the scores that follow from them.

    `tp`, `fn`, `fp`, `idsw`: appearances found, missed, invented, found under another id than before. `mt`,
    `pt`, `ml`: objects tracked for more than 80 %, for 20 to 80 %, and for less than 20 % of their frames.
    `frag`: times a track was interrupted and resumed. `similarity`: the sum over all `tp`.
    """

    tp: int
    fn: int
    fp: int
    idsw: int
    mt: int
    pt: int
    ml: int
    frag: int
    similarity: float

    @property
    def gt(self) -> int:
        """Object appearances."""
        return self.tp + self.fn

    @property
    def mota(self) -> float:
        """1 - (fn + fp + idsw) / gt, at most 1; 0 where there is no object at all."""
        return (self.tp - self.fp - self.idsw) / self.gt if self.gt else 0.0

    @property
    def motp(self) -> float:
        """Mean similarity of what was found, 0..1; 0 where nothing was."""
        return self.similarity / max(1, self.tp)

    @property
    def smota(self) -> float:
        """MOTA in which a find counts by its similarity: sMOTSA, where similarity is mask IoU."""
        return (self.similarity - self.fp - self.idsw) / self.gt if self.gt else 0.0

    def row(self) -> dict[str, float]:
        """The figures of a results table."""
        return {
            "MOTA": self.mota,
            "MOTP": self.motp,
            "Recall": self.tp / max(1, self.gt),
            "Precision": self.tp / max(1, self.tp + self.fp),
            "FP": self.fp,
            "FN": self.fn,
            "IDSW": self.idsw,
            "Frag": self.frag,
            "MT": self.mt,
            "PT": self.pt,
            "ML": self.ml,
        }


def clear(scene: Scene, threshold: float = 0.5) -> ClearScores:
    """Score one sequence; a pair may match from a similarity of `threshold` on.

    One object over three frames: found, missed, found under another id.

    >>> from vistream.evaluate.metrics.scene import make_scene
    >>> scores = clear(make_scene([[1], [1], [1]], [[1], [2], [2]], [[[0.8]], [[0.4]], [[0.6]]]))
    >>> scores.tp, scores.fn, scores.fp, scores.idsw, scores.frag
    (2, 1, 1, 1, 1)
    >>> round(scores.mota, 4), round(scores.motp, 4)  # 1 - (1 + 1 + 1) / 3, (0.8 + 0.6) / 2
    (0.0, 0.7)
    """
    found, seen, parts = (np.zeros(scene.gt_tracks) for _ in range(3))
    held: NDArray[np.bool_] = np.zeros(scene.gt_tracks, dtype=np.bool_)
    distances = []
    for gt, similarity, (rows, columns) in zip(
        scene.gt_ids, scene.similarity, _matchings(scene, threshold), strict=True
    ):
        distance = np.full_like(similarity, np.nan)
        distance[rows, columns] = 1 - similarity[rows, columns]
        distances.append(distance)
        seen[gt] += 1
        found[gt[rows]] += 1
        if similarity.size:  # as TrackEval: a frame without objects or without predictions interrupts no track
            parts[gt[rows]] += ~held[gt[rows]]
            held[:] = False
            held[gt[rows]] = True

    counts = event_counts(accumulate(scene.gt_ids, scene.pred_ids, distances))
    ratio = found / np.maximum(1, seen)
    mt, not_ml = int((ratio > 0.8).sum()), int((ratio >= 0.2).sum())
    tp = int(counts["num_detections"])
    return ClearScores(
        tp=tp,
        fn=int(counts["num_misses"]),
        fp=int(counts["num_false_positives"]),
        idsw=int(counts["num_switches"]),
        mt=mt,
        pt=not_ml - mt,
        ml=scene.gt_tracks - not_ml,
        frag=int(np.maximum(parts - 1, 0).sum()),
        similarity=tp - counts["distance"],
    )


def combine_clear(scores: Sequence[ClearScores]) -> ClearScores:
    """Many sequences as one: every count is added."""
    totals = {f.name: sum(getattr(s, f.name) for s in scores) for f in fields(ClearScores)}
    return ClearScores(**totals)


def _matchings(scene: Scene, threshold: float) -> Iterator[tuple[Rows, Rows]]:
    """Rows (objects) and columns (predictions) matched in each frame."""
    previous = np.full(scene.gt_tracks, -1)
    for gt, pred, similarity in zip(scene.gt_ids, scene.pred_ids, scene.similarity, strict=True):
        kept = pred[None, :] == previous[gt][:, None]
        gain = np.where(similarity >= threshold - _EPS, 1000 * kept + similarity, 0.0)
        rows, columns = linear_sum_assignment(-gain)
        real = gain[rows, columns] > _EPS
        rows, columns = rows[real], columns[real]
        if similarity.size:  # as TrackEval: such a frame leaves the memory as it is
            previous[:] = -1
            previous[gt[rows]] = pred[columns]
        yield rows, columns
