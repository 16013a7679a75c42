"""A constant-velocity Kalman filter over (centre x, centre y, aspect, height), for many objects at once.

Source of the model and its weights: Wojke et al., "Simple online and realtime tracking with a deep association
metric", ICIP 2017. Process and measurement noise are diagonal there, so the eight-dimensional filter falls
apart into four independent filters of (position, velocity): they are written out here, vectorised over objects
and coordinates. Nothing is remembered: every function maps a belief to a belief.

Time is counted in units of 1/30 s, whatever the frame rate, so that velocities and noises mean the same on any
clip; `dt` is the time between two frames in that unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

GATE = 9.4877  # chi-square, 4 degrees of freedom, 95 %
POSITION_WEIGHT = 1 / 20
VELOCITY_WEIGHT = 1 / 160
_HEIGHT = 3


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
    h = np.maximum(h, 1e-3)
    return np.stack([x + w / 2, y + h / 2, w / h, h], axis=1)


def to_boxes(position: Array) -> Array:
    """The inverse of `measure`; a height that has shrunk below nothing counts as nothing."""
    cx, cy, aspect, h = position.T
    h = np.maximum(h, 1e-3)
    w = np.maximum(aspect * h, 1e-3)
    return np.stack([cx - w / 2, cy - h / 2, w, h], axis=1)


def _noise(height: Array, weight: float, aspect: float) -> Array:
    """Variances `[N, 4]`: a share `weight` of the object's height, and a fixed deviation for the aspect."""
    deviation = np.repeat(weight * height[:, None], 4, axis=1)
    deviation[:, 2] = aspect
    return deviation**2


def initiate(measured: Array) -> Belief:
    """Start from one measurement `[N, 4]`: at rest, with wide uncertainty."""
    height = np.maximum(measured[:, _HEIGHT], 1e-3)
    return Belief(
        measured.copy(),
        np.zeros_like(measured),
        _noise(height, 2 * POSITION_WEIGHT, 1e-2),
        np.zeros_like(measured),
        _noise(height, 10 * VELOCITY_WEIGHT, 1e-5),
    )


def predict(belief: Belief, dt: float) -> Belief:
    """One step of `dt` (in 1/30 s) ahead; process noise grows in proportion to time."""
    height = np.maximum(belief.position[:, _HEIGHT], 1e-3)
    return Belief(
        belief.position + dt * belief.velocity,
        belief.velocity,
        belief.pp + 2 * dt * belief.pv + dt * dt * belief.vv + dt * _noise(height, POSITION_WEIGHT, 1e-2),
        belief.pv + dt * belief.vv,
        belief.vv + dt * _noise(height, VELOCITY_WEIGHT, 1e-5),
    )


def _measurement_noise(belief: Belief) -> Array:
    return _noise(np.maximum(belief.position[:, _HEIGHT], 1e-3), POSITION_WEIGHT, 1e-1)


def update(belief: Belief, measured: Array) -> Belief:
    """Correct each object of a predicted belief by its measurement, `[N, 4]`."""
    innovation_variance = belief.pp + _measurement_noise(belief)
    gain_p = belief.pp / innovation_variance
    gain_v = belief.pv / innovation_variance
    innovation = measured - belief.position
    return Belief(
        belief.position + gain_p * innovation,
        belief.velocity + gain_v * innovation,
        belief.pp - gain_p * belief.pp,
        belief.pv - gain_p * belief.pv,
        belief.vv - gain_v * belief.pv,
    )


def mahalanobis(belief: Belief, measured: Array) -> Array:
    """Squared Mahalanobis distance of every measurement to every prediction: `[N, D]`, to be held against `GATE`."""
    variance = belief.pp + _measurement_noise(belief)
    difference = measured[None] - belief.position[:, None]
    squared: Array = (difference**2 / variance[:, None]).sum(axis=2)
    return squared
