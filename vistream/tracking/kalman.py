"""A constant-velocity Kalman filter over (centre x, centre y, aspect, height), for many objects at once.

Source of the model: Wojke et al., "Simple online and realtime tracking with a deep association metric", ICIP 2017.
Process and measurement noise are diagonal there, so the eight-dimensional filter falls apart into four independent
filters of (position, velocity): they are written out here, vectorised over objects and coordinates. Nothing is
remembered: every function maps a belief to a belief.

Two things differ from the source. Time is counted in units of 1/30 s, whatever the frame rate, and process noise
grows in proportion to it, so that velocities and noises mean the same on any clip; `dt` is the time between two
frames in that unit. And the filter is smoother: measurements are trusted half as much (a deviation of 1/10 of the
object's height, not 1/20) and motion twice as much (1/40 and 1/320 per unit of time, not 1/20 and 1/160), because real
detections scatter more than the source assumes; docs/association.md has the measurements.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

GATE = 9.4877  # chi-square, 4 degrees of freedom, 95 %
# Standard deviations as shares of the object's height: of a measured position, of a new track's velocity, and of what
# position and velocity gain in one unit of time. Aspects have fixed deviations.
MEASURED_POSITION, MEASURED_ASPECT = 1 / 10, 1e-1
INITIAL_VELOCITY, INITIAL_ASPECT, INITIAL_ASPECT_VELOCITY = 1 / 16, 1e-2, 1e-5
DRIFT_POSITION, DRIFT_ASPECT = 1 / 40, 1e-2
DRIFT_VELOCITY, DRIFT_ASPECT_VELOCITY = 1 / 320, 1e-5
_TINY = 1e-3


@dataclass(frozen=True, slots=True)
class Belief:
    """What is believed of N objects; every array is float64 `[N, 4]`, columns (cx, cy, aspect, height).

    `position` in pixels (aspect is w / h), `velocity` per 1/30 s; `pp`, `pv`, `vv` the position variance, the
    covariance of position and velocity, and the velocity variance of each column.
    """

    position: Array
    velocity: Array
    pp: Array
    pv: Array
    vv: Array

    def __len__(self) -> int:
        return len(self.position)

    def pick(self, rows: NDArray[np.intp] | NDArray[np.bool_] | list[int]) -> Belief:
        """The objects that `rows` (indices, or a mask) selects."""
        index = np.arange(len(self))[rows]
        return Belief(*(array[index] for array in self._arrays()))

    def _arrays(self) -> tuple[Array, ...]:
        return self.position, self.velocity, self.pp, self.pv, self.vv

    @staticmethod
    def join(parts: list[Belief]) -> Belief:
        """All objects of several beliefs, in order."""
        if not parts:
            return Belief(*(np.zeros((0, 4)) for _ in range(5)))
        return Belief(*(np.concatenate(arrays) for arrays in zip(*(p._arrays() for p in parts), strict=True)))


def measure(boxes: Array) -> Array:
    """Boxes (x, y, w, h), `[N, 4]`, as measurements (cx, cy, w / h, h)."""
    x, y, w, h = np.asarray(boxes, dtype=np.float64).reshape(-1, 4).T
    h = np.maximum(h, _TINY)
    return np.stack([x + w / 2, y + h / 2, w / h, h], axis=1)


def to_boxes(position: Array) -> Array:
    """The inverse of `measure`; a width or height that was extrapolated below nothing becomes tiny, not negative."""
    cx, cy, aspect, h = position.T
    h = np.maximum(h, _TINY)
    w = np.maximum(aspect * h, _TINY)
    return np.stack([cx - w / 2, cy - h / 2, w, h], axis=1)


def _variance(position: Array, share: float, aspect: float) -> Array:
    """Variances `[N, 4]` from a deviation that is a share of the height, and a fixed one of the aspect."""
    deviation = np.repeat(share * np.maximum(position[:, 3:], _TINY), 4, axis=1)
    deviation[:, 2] = aspect
    return deviation**2


def initiate(measured: Array) -> Belief:
    """Start from one measurement `[N, 4]` each: at rest, as far as is known."""
    return Belief(
        measured.copy(),
        np.zeros_like(measured),
        _variance(measured, MEASURED_POSITION, INITIAL_ASPECT),
        np.zeros_like(measured),
        _variance(measured, INITIAL_VELOCITY, INITIAL_ASPECT_VELOCITY),
    )


def predict(belief: Belief, dt: float) -> Belief:
    """A step of `dt` (in 1/30 s) ahead."""
    drift_p = _variance(belief.position, DRIFT_POSITION, DRIFT_ASPECT)
    drift_v = _variance(belief.position, DRIFT_VELOCITY, DRIFT_ASPECT_VELOCITY)
    return Belief(
        belief.position + dt * belief.velocity,
        belief.velocity,
        belief.pp + 2 * dt * belief.pv + dt * dt * belief.vv + dt * drift_p,
        belief.pv + dt * belief.vv,
        belief.vv + dt * drift_v,
    )


def _innovation_variance(belief: Belief) -> Array:
    return belief.pp + _variance(belief.position, MEASURED_POSITION, MEASURED_ASPECT)


def update(belief: Belief, measured: Array) -> Belief:
    """Correct each object of a predicted belief by its own measurement, `[N, 4]`."""
    variance = _innovation_variance(belief)
    gain_p, gain_v = belief.pp / variance, belief.pv / variance
    innovation = measured - belief.position
    return Belief(
        belief.position + gain_p * innovation,
        belief.velocity + gain_v * innovation,
        belief.pp - gain_p * belief.pp,
        belief.pv - gain_p * belief.pv,
        belief.vv - gain_v * belief.pv,
    )


def mahalanobis(belief: Belief, measured: Array) -> Array:
    """Squared Mahalanobis distance of every prediction to every measurement, `[N, D]`, to be held against `GATE`."""
    difference = measured[None] - belief.position[:, None]
    squared: Array = (difference**2 / _innovation_variance(belief)[:, None]).sum(axis=2)
    return squared
