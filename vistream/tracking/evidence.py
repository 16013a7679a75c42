"""What speaks for and against one object being another, in nats: position and size, appearance, class.

Every function or model here gives the logarithm of how much likelier something is seen of this object than of one
that was never seen before, so that the parts simply add up. Position follows a Student distribution rather than a
normal one: a long way costs much, but nothing is ever impossible, so that no gate can cut a true match off. How much
appearance says is learned while tracking: where objects look alike it says little.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.tracking import kalman
from vistream.tracking.kalman import Belief, Noise

Array = NDArray[np.float64]

TAIL = 4.0  # degrees of freedom of the Student distribution
RATES = {"seen": 45.0, "missed": 5.0, "found": 5.0, "hidden": 45.0, "old": 45.0, "new": 5.0}
ENDED = 2.0  # nats against a track that was missed: most of those that end are not told from hidden ones
MOST_RATE = 5.0  # nats that a rate can say
ANYWHERE = 4.0  # minus the logarithm of how often a new object appears in a given place (in its areas) and size
# the first guess of similarities of the same and of different objects, mean and deviation, and how much it counts
SAME, DIFFERENT, SPREAD, GUESSED = 0.65, 0.25, 0.15, 50.0
FORGET = 3000.0
MOST = 12.0  # nats that appearance can say for or against


def position_evidence(belief: Belief, measured: Array, noise: Noise) -> Array:
    """Of every prediction for every measurement, `[N, D]`."""
    if not len(belief) or not len(measured):
        return np.zeros((len(belief), len(measured)))
    squared = kalman.deviations(belief, measured, noise)
    spread = np.log(kalman.innovation_variance(belief, noise) / kalman.area(belief.position)).sum(axis=1)
    far = 0.5 * (TAIL + 1) * np.log1p(squared / TAIL).sum(axis=2)
    return np.asarray(ANYWHERE - 0.5 * spread[:, None] - far)


class Rates:
    """Learns how often tracks are seen again, and observations are of something new; counts are its whole state.

    `seen` and `missed`: of tracks that were seen in the frame before; `found` and `hidden`: of those that were not;
    `old` and `new`: of observations that may start a track.
    """

    def __init__(self) -> None:
        self.counts = dict(RATES)

    def odds(self, tracked: NDArray[np.bool_]) -> Array:
        """Nats by which every track, seen in the frame before or not, is likelier to be seen than a new object."""
        counts = self.counts
        again = np.log(counts["seen"] / counts["missed"]), np.log(counts["found"] / counts["hidden"])
        new = np.log(counts["old"] / counts["new"])
        seen, found = np.clip(again, -MOST_RATE, MOST_RATE)
        held = np.where(tracked, seen, found - ENDED)
        return np.asarray(held + np.clip(new, 0.0, MOST_RATE))

    def learn(self, **more: int) -> None:
        """Add to the counts."""
        for name, count in more.items():
            self.counts[name] += count
        for pair in (("seen", "missed"), ("found", "hidden"), ("old", "new")):
            total = sum(self.counts[name] for name in pair)
            if total > FORGET:
                for name in pair:
                    self.counts[name] *= FORGET / total

    def state_dict(self) -> dict[str, Any]:
        return dict(self.counts)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.counts = {name: float(state[name]) for name in RATES}


class AppearanceModel:
    """Learns what a similarity says, from the matches made: two means and one common deviation are its whole state."""

    def __init__(self) -> None:
        self.same, self.different, self.variance = SAME, DIFFERENT, SPREAD**2
        self.counts = np.full(2, GUESSED)

    def evidence(self, similarity: Array) -> Array:
        """Of similarities, of any shape: the log likelihood ratio of two normal distributions of one variance."""
        middle = (self.same + self.different) / 2
        slope = max(self.same - self.different, 0.0) / self.variance
        return np.asarray(np.clip(slope * (similarity - middle), -MOST, MOST))

    def learn(self, same: Array, different: Array) -> None:
        """Take in a frame's similarities of matched pairs, and of pairs that are different objects."""
        for which, values in enumerate((same, different)):
            if not len(values):
                continue
            mean = self.same if which == 0 else self.different
            share = len(values) / (self.counts[which] + len(values))
            spread = float(np.mean((values - mean) ** 2))
            self.variance += 0.5 * share * (spread - self.variance)
            moved = mean + share * (float(np.mean(values)) - mean)
            self.same, self.different = (moved, self.different) if which == 0 else (self.same, moved)
            self.counts[which] = min(self.counts[which] + len(values), FORGET)

    def state_dict(self) -> dict[str, Any]:
        return {"same": self.same, "different": self.different, "variance": self.variance, "counts": self.counts}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.same, self.different = float(state["same"]), float(state["different"])
        self.variance, self.counts = float(state["variance"]), np.array(state["counts"])
