"""How much a video's objects and its detector scatter, learned from the measurements of all tracks together.

With a measurement z = p + n, a position that gains velocity and a jump, and a velocity that gains a turn in each
frame, the second differences of z have the autocovariances

    lag 0: 6 measured + 2 jump + turn,    lag 1: -4 measured - jump,    lag 2: measured

so the three variances follow from three moments (the method of moments; Mehra, "On the identification of variances and
adaptive Kalman filtering", IEEE TAC 1970, has the idea). Non-negative least squares keeps them possible. All is in
shares of the object's area, column by column. The first guess counts as much as `GUESSED` samples.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from vistream.tracking.kalman import Noise, area

Array = NDArray[np.float64]

MOMENTS = np.array([[6.0, 2.0, 1.0], [-4.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
"""Rows: autocovariances of second differences at lags 0 to 2; columns: measured, jump, turn."""
GUESSED = 30.0  # samples that the first guess is worth
FORGET = 3000.0  # samples after which old ones fade
CLIP = 3.0  # deviations at which a second difference is cut off: a wrong match is no noise
LASTING = 0.5  # share of the jumps that is put down to errors of measurement that last for some frames
EXACT, ROUGH = 0.025, 0.05  # deviations of measurements: up to here they are taken as they are, from there filtered
LEAST = 1e-6  # of any variance, so that nothing is certain
# the first guess (left, top, right, bottom), as deviations in shares of the object's size: of a measurement, and of
# what a second brings
MEASURED, JUMP, TURN, SPEED = (0.04,) * 4, (0.15,) * 4, (0.7, 0.5) * 2, (2.0, 1.0) * 2


@dataclass(slots=True)
class Recent:
    """The last measurements of one track, at most three, newest last, and its last second differences, at most two."""

    measured: list[Array] = field(default_factory=list)
    bends: list[Array] = field(default_factory=list)

    def gap(self) -> None:
        """The track was not measured in a frame."""
        self.measured, self.bends = [], []


class NoiseModel:
    """Learns the noise of one video of `fps` frames a second.

    `moments`, `counts`, `speed` and `speeds` are its whole state.

    `noise`: what they say. `exactness`, 0..1: how far a measurement deserves to be reported rather than the filter.
    """

    def __init__(self, fps: float) -> None:
        seconds = 1.0 / fps
        first = np.array([MEASURED, JUMP, TURN]).T ** 2 * [1.0, seconds, seconds**3]
        self.moments: Array = first @ MOMENTS.T  # [4, 3]: a row an edge; lags 0 to 2
        self.counts: Array = np.full(3, GUESSED)
        self.speed: Array = np.square(np.array(SPEED) * seconds)
        self.speeds = GUESSED
        self._solve()

    def learn(self, recent: Recent, measured: Array) -> None:
        """Take in the next measurement `[4]` of a track, in the coordinates of this frame."""
        recent.measured = [*recent.measured[-2:], measured]
        size = float(np.sqrt(area(measured[None])[0, 0]))
        if len(recent.measured) == 2:
            self._take_speed((recent.measured[1] - recent.measured[0]) / size)
        if len(recent.measured) < 3:
            return
        first, second, third = recent.measured
        limit = CLIP * np.sqrt(self.moments[:, 0])
        bend = np.minimum(np.maximum((third - 2 * second + first) / size, -limit), limit)
        for lag, other in enumerate([bend, *recent.bends[::-1]]):
            share = 1.0 / (self.counts[lag] + 1.0)
            self.moments[:, lag] += share * (bend * other - self.moments[:, lag])
            self.counts[lag] = min(self.counts[lag] + 1.0, FORGET)
        recent.bends = [*recent.bends[-1:], bend]

    def settle(self) -> None:
        """Make `noise` what the moments say; once a frame is enough."""
        self._solve()

    def _take_speed(self, speed: Array) -> None:
        limit = CLIP * np.sqrt(self.speed)
        share = 1.0 / (self.speeds + 1.0)
        self.speed = self.speed + share * (np.minimum(np.maximum(speed, -limit), limit) ** 2 - self.speed)
        self.speeds = min(self.speeds + 1.0, FORGET)

    def _solve(self) -> None:
        # shares of lag 0, so that columns of very different noise are solved equally well
        solved = np.array([nnls(MOMENTS, row / row[0])[0] * row[0] for row in self.moments])
        measured, jump, turn = np.maximum(solved, LEAST).T
        measured, jump = measured + LASTING * jump, np.maximum((1 - LASTING) * jump, LEAST)
        self.noise = Noise(measured, jump, turn, np.maximum(self.speed, LEAST))
        deviation = float(np.sqrt(measured.mean()))
        self.exactness = float(np.clip((ROUGH - deviation) / (ROUGH - EXACT), 0.0, 1.0))

    def state_dict(self) -> dict[str, Any]:
        return {"moments": self.moments, "counts": self.counts, "speed": self.speed, "speeds": self.speeds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.moments, self.counts = np.array(state["moments"]), np.array(state["counts"])
        self.speed, self.speeds = np.array(state["speed"]), float(state["speeds"])
        self._solve()
