"""HOTA, CLEAR and Identity of one scene together: what a table of tracking results shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vistream.evaluate.metrics.clear import ClearScores, clear, combine_clear
from vistream.evaluate.metrics.hota import HotaScores, combine_hota, hota
from vistream.evaluate.metrics.identity import IdentityScores, combine_identity, identity
from vistream.evaluate.metrics.scene import Scene

HEADLINE = ("HOTA", "DetA", "AssA", "MOTA", "MOTP", "IDF1", "IDSW", "FP", "FN")


@dataclass(frozen=True, slots=True)
class TrackingScores:
    """The three families, of one sequence or of many as one."""

    hota: HotaScores
    clear: ClearScores
    identity: IdentityScores

    def row(self) -> dict[str, float]:
        """All figures, under the names that MOTChallenge uses."""
        return {**self.hota.row(), **self.clear.row(), **self.identity.row()}


def track_scores(scene: Scene) -> TrackingScores:
    """Score one sequence.

    >>> from vistream.evaluate.metrics.scene import make_scene
    >>> row = track_scores(make_scene([[1], [1]], [[5], [5]], [[[1.0]], [[1.0]]])).row()
    >>> row["HOTA"], row["MOTA"], row["IDF1"]
    (1.0, 1.0, 1.0)
    """
    return TrackingScores(hota(scene), clear(scene), identity(scene))


def combine_tracking(scores: Sequence[TrackingScores]) -> TrackingScores:
    """Many sequences as one, each family by its own rule."""
    return TrackingScores(
        combine_hota([s.hota for s in scores]),
        combine_clear([s.clear for s in scores]),
        combine_identity([s.identity for s in scores]),
    )
