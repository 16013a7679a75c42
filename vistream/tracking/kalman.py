"""A constant-velocity Kalman filter over the edges (left, top, right, bottom) of boxes, for many objects at once.

All noise is diagonal and a share of the object's size, the root of its area, so that the filter means the same for
people, dogs and cars, large and small. Edges, not centre and size: where something hides the lower half of an object,
one edge jumps, and three tell still that it is the same. The filter falls apart into four independent filters of
(position, velocity), written out here and vectorised over objects and edges. Nothing is remembered: every function maps
a belief to a belief. Time is counted in frames; how much noise there is in one, `noise.NoiseModel` learns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vistream.types import Warp

Array = NDArray[np.float64]

_TINY = 1e-3


@dataclass(frozen=True, slots=True)
class Noise:
    """Variances as shares of an object's area, each float64 `[4]`, columns (left, top, right, bottom).

    `measured`: of a measurement. `jump`: of what a position gains in a frame beyond its velocity; `turn`: of what a
    velocity gains in a frame; `speed`: of the velocity of an object seen once.
    """

    measured: Array
    jump: Array
    turn: Array
    speed: Array


@dataclass(frozen=True, slots=True)
class Belief:
    """What is believed of N objects; every array is float64 `[N, 4]`, columns (left, top, right, bottom).

    `position` in pixels, `velocity` in pixels a frame; `pp`, `pv`, `vv` the position variance, the covariance of
    position and velocity, and the velocity variance of each column.
    """

    position: Array
    velocity: Array
    pp: Array
    pv: Array
    vv: Array

    def __len__(self) -> int:
        return len(self.position)

    def at(self, row: int) -> Belief:
        """One object, as a view: a tracker asks for each of its objects several times a frame."""
        return Belief(*(array[row : row + 1] for array in self.arrays()))

    def arrays(self) -> tuple[Array, ...]:
        """The five of them, in the order of the fields."""
        return self.position, self.velocity, self.pp, self.pv, self.vv

    @staticmethod
    def join(parts: list[Belief]) -> Belief:
        """All objects of several beliefs, in order."""
        if not parts:
            return Belief(*(np.zeros((0, 4)) for _ in range(5)))
        return Belief(*(np.concatenate(arrays) for arrays in zip(*(p.arrays() for p in parts), strict=True)))


def measure(boxes: Array) -> Array:
    """Boxes (x, y, w, h), `[N, 4]`, as measurements (left, top, right, bottom)."""
    boxes = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def to_boxes(position: Array) -> Array:
    """The inverse of `measure`; a width or height that was extrapolated below nothing becomes tiny, not negative."""
    return np.concatenate([position[:, :2], np.maximum(position[:, 2:] - position[:, :2], _TINY)], axis=1)


def area(position: Array) -> Array:
    """Of each object, in square pixels: `[N, 1]`."""
    sides = np.maximum(position[:, 2:] - position[:, :2], _TINY)
    return np.asarray(sides[:, :1] * sides[:, 1:])


def rigid(velocity: Array) -> Array:
    """Velocities by which an object moves without growing or shrinking: opposite edges share their mean."""
    return np.tile((velocity[:, :2] + velocity[:, 2:]) / 2, 2)


def initiate(measured: Array, noise: Noise) -> Belief:
    """Start from one measurement `[N, 4]` each: at rest, as far as is known."""
    size = area(measured)
    return Belief(
        measured.copy(), np.zeros_like(measured), size * noise.measured, np.zeros_like(measured), size * noise.speed
    )


def predict(belief: Belief, noise: Noise) -> Belief:
    """One frame ahead."""
    size = area(belief.position)
    return Belief(
        belief.position + belief.velocity,
        belief.velocity,
        belief.pp + 2 * belief.pv + belief.vv + size * noise.jump,
        belief.pv + belief.vv,
        belief.vv + size * noise.turn,
    )


def warp(belief: Belief, motion: Warp) -> Belief:
    """The same objects after the camera moved: `motion` takes points of the last frame to this one.

    Sizes follow the motion's scale; a small rotation turns centres and velocities, and leaves boxes upright.
    """
    scale = scale_of(motion)
    centre = (belief.velocity[:, :2] + belief.velocity[:, 2:]) / 2
    growth = (belief.velocity - np.tile(centre, 2)) * scale
    velocity = np.tile(centre @ motion[:, :2].T, 2) + growth
    rest = (array * scale**2 for array in (belief.pp, belief.pv, belief.vv))
    return Belief(warp_edges(belief.position, motion), velocity, *rest)


def warp_edges(edges: Array, motion: Warp) -> Array:
    """Boxes as edges, `[N, 4]`, after the camera moved."""
    centre = (edges[:, :2] + edges[:, 2:]) / 2
    reach = (edges - np.tile(centre, 2)) * scale_of(motion)
    return np.asarray(np.tile(centre @ motion[:, :2].T + motion[:, 2], 2) + reach)


def scale_of(motion: Warp) -> float:
    """By how much a motion of the camera makes things larger, from a tiny positive number on."""
    return float(np.sqrt(max(abs(np.linalg.det(motion[:, :2])), _TINY)))


def uncertainty(belief: Belief) -> Array:
    """The deviation of each object's edges from where they are believed to be, in shares of its size: `[N]`."""
    return np.asarray(np.sqrt(belief.pp.mean(axis=1) / area(belief.position)[:, 0]))


def innovation_variance(belief: Belief, noise: Noise) -> Array:
    """Of a measurement of each predicted object, in square pixels: `[N, 4]`."""
    return belief.pp + area(belief.position) * noise.measured


def update(belief: Belief, measured: Array, noise: Noise, doubt: Array | float = 1.0) -> Belief:
    """Correct each object of a predicted belief by its own measurement, `[N, 4]`.

    `doubt`, `[N]`: by how much the noise of each measurement is larger than usual.
    """
    noisy = area(belief.position) * noise.measured * np.reshape(np.asarray(doubt, np.float64), (-1, 1))
    variance = belief.pp + noisy
    gain_p, gain_v = belief.pp / variance, belief.pv / variance
    innovation = measured - belief.position
    return Belief(
        belief.position + gain_p * innovation,
        belief.velocity + gain_v * innovation,
        belief.pp - gain_p * belief.pp,
        belief.pv - gain_p * belief.pv,
        belief.vv - gain_v * belief.pv,
    )


def deviations(belief: Belief, measured: Array, noise: Noise) -> Array:
    """Squared deviation, in variances, of every prediction from every measurement, edge by edge: `[N, D, 4]`."""
    difference = measured[None] - belief.position[:, None]
    return np.asarray(difference**2 / innovation_variance(belief, noise)[:, None])
