"""Identity: for how long trajectories carry the right name (IDF1, IDP, IDR).

Source: Ristani et al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking", 2016.
`motmetrics` finds the best assignment of whole trajectories. Oracle: TrackEval 1.3.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vistream.evaluate.metrics.accumulate import accumulate, identity_counts
from vistream.evaluate.metrics.scene import Scene


@dataclass(frozen=True, slots=True)
class IdentityScores:
    """Appearances under the right name (`idtp`), and what remains: of the objects (`idfn`), of the
    predictions (`idfp`).
    """

    idtp: int
    idfn: int
    idfp: int

    @property
    def idf1(self) -> float:
        """2 idtp / (objects + predictions), 0..1."""
        return 2 * self.idtp / max(1, 2 * self.idtp + self.idfn + self.idfp)

    @property
    def idp(self) -> float:
        """The share of the predicted appearances that is right, 0..1."""
        return self.idtp / max(1, self.idtp + self.idfp)

    @property
    def idr(self) -> float:
        """The share of the objects' appearances that is right, 0..1."""
        return self.idtp / max(1, self.idtp + self.idfn)

    def row(self) -> dict[str, float]:
        """The figures of a results table."""
        return {"IDF1": self.idf1, "IDP": self.idp, "IDR": self.idr}


def identity(scene: Scene, threshold: float = 0.5) -> IdentityScores:
    """Score one sequence; a pair counts from a similarity of `threshold` on.

    An object of three frames is followed under id 1 for two of them, then under id 2:

    >>> from vistream.evaluate.metrics.scene import make_scene
    >>> scores = identity(make_scene([[1], [1], [1]], [[1], [1], [2]], [[[0.9]], [[0.9]], [[0.9]]]))
    >>> scores.idtp, scores.idfn, scores.idfp, round(scores.idf1, 4)
    (2, 1, 1, 0.6667)
    """
    if not scene.gt_total or not scene.pred_total:
        return IdentityScores(0, scene.gt_total, scene.pred_total)
    distances = [np.where(s >= threshold, 1 - s, np.nan) for s in scene.similarity]
    counts = identity_counts(accumulate(scene.gt_ids, scene.pred_ids, distances))
    return IdentityScores(int(counts["idtp"]), int(counts["idfn"]), int(counts["idfp"]))


def combine_identity(scores: Sequence[IdentityScores]) -> IdentityScores:
    """Many sequences as one: identities of one sequence never match another's, so counts add up."""
    return IdentityScores(sum(s.idtp for s in scores), sum(s.idfn for s in scores), sum(s.idfp for s in scores))
