"""What surfaces look like: noise, cloth with patterns, skin, faces, hair. Linear RGB; nothing is drawn here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from demo.camera import Floats
from demo.raster import Colours


def rgb(code: str) -> Colours:
    """Linear RGB, 0..1, of an sRGB colour written as "rrggbb"."""
    value = np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear, np.float32)


def noise(height: int, width: int, cell: float, seed: int) -> NDArray[np.float32]:
    """Smooth random field, mean 0 and deviation 1, whose features are about `cell` pixels wide."""
    rng = np.random.default_rng(seed)
    grid = rng.standard_normal((int(height / cell) + 3, int(width / cell) + 3)).astype(np.float32)
    size = (int(grid.shape[1] * cell) + 1, int(grid.shape[0] * cell) + 1)
    field = cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC)[:height, :width]
    return np.asarray((field - field.mean()) / field.std(), np.float32)


@lru_cache(maxsize=64)
def _creases(seed: int) -> NDArray[np.float32]:
    """A tile of cloth creases, 96 steps along the tube and 64 around it; the angle wraps."""
    rng = np.random.default_rng(seed)
    rough = rng.standard_normal((96, 64)).astype(np.float32)
    wrapped = cv2.GaussianBlur(np.hstack([rough, rough, rough]), (0, 0), sigmaX=5.0, sigmaY=2.2)[:, 64:128]
    return np.asarray(wrapped / wrapped.std(), np.float32)


def _crease(t: Floats, theta: Floats, length: float, seed: int) -> NDArray[np.float32]:
    row = (np.abs(t) * length * 90).astype(int) % 96
    column = ((theta / (2 * np.pi) + 0.5) * 64).astype(int) % 64
    return np.asarray(_creases(seed)[row, column], np.float32)


@dataclass(frozen=True)
class Cloth:
    """Woven stuff on a tube `length` metres long.

    `pattern`: plain, hoops (rings `period` metres apart), stripes (`period` of them around), checks, dots, block
    (the second colour above `period` of the length) or band (a ring of it at that height).
    `opening`: half-angle in radians of the front where an open jacket shows `inner`.
    """

    colour: str
    second: str = "ffffff"
    pattern: str = "plain"
    period: float = 0.12
    seed: int = 0
    opening: float = 0.0
    inner: str = "e8e4da"
    length: float = 0.55

    def __call__(self, t: Floats, theta: Floats) -> Colours:
        colour = np.where(self._second(t, theta)[:, None], rgb(self.second), rgb(self.colour))
        if self.opening:
            shown = np.abs(theta) < self.opening * (0.6 + 0.5 * t)
            colour = np.where(shown[:, None], rgb(self.inner), colour)
            edge = np.abs(np.abs(theta) - self.opening * (0.6 + 0.5 * t)) < 0.07
            colour = np.where(edge[:, None], colour * 0.55, colour)
        return np.asarray(colour * (1 + 0.10 * _crease(t, theta, self.length, self.seed))[:, None], np.float32)

    def _second(self, t: Floats, theta: Floats) -> NDArray[np.bool_]:
        """Where the pattern shows the second colour."""
        along = t * self.length / self.period
        if self.pattern == "hoops":
            return np.asarray(along % 1 < 0.5)
        if self.pattern == "stripes":
            return np.asarray(theta / (2 * np.pi) * self.period % 1 < 0.35)
        if self.pattern == "checks":
            return np.asarray((along % 1 < 0.4) | (theta / 0.5 % 1 < 0.4))
        if self.pattern == "dots":
            shifted = theta / 0.55 + np.floor(along) / 2
            return np.asarray((along % 1 - 0.5) ** 2 + (shifted % 1 - 0.5) ** 2 < 0.09)
        if self.pattern == "block":
            return np.asarray(t > self.period)
        if self.pattern == "band":
            return np.asarray(np.abs(t - self.period) < 0.09)
        return np.zeros(t.shape, bool)


@dataclass(frozen=True)
class Plain:
    """One colour with slight unevenness: skin, leather, painted metal."""

    colour: str
    rough: float = 0.03

    def __call__(self, t: Floats, theta: Floats) -> Colours:
        uneven = 1 + self.rough * _crease(t, theta, 0.4, 7)
        return np.asarray(rgb(self.colour) * uneven[:, None], np.float32)


@dataclass(frozen=True)
class Hair:
    """Strands that run along the tube, with a soft highlight."""

    colour: str

    def __call__(self, t: Floats, theta: Floats) -> Colours:
        strands = 0.16 * np.sin(theta * 23 + 3 * np.sin(t * 4)) + 0.1 * np.sin(theta * 41 + 1)
        gleam = 0.5 * np.exp(-(((t - 0.72) / 0.13) ** 2))
        return np.asarray(rgb(self.colour) * (1 + strands + gleam)[:, None], np.float32)


@dataclass(frozen=True)
class Face:
    """A head from chin (0) to crown (1), face at angle 0: skin, brows, eyes, mouth, and hair above the hairline.

    `hairline`: its height at the forehead; above 1 is bald. `beard`: 0 (shaven) to 1.
    """

    skin: str
    hair: str
    hairline: float = 0.80
    beard: float = 0.0

    def __call__(self, t: Floats, theta: Floats) -> Colours:
        off = np.abs(theta)
        colour: Colours = np.broadcast_to(rgb(self.skin), (len(t), 3)).copy()
        colour *= (1 - 0.35 * _blot(off, t, 0.45, 0.53, 0.34, 0.075))[:, None]  # eye sockets
        colour *= (1 - 0.45 * _blot(off, t, 0.0, 0.325, 0.22, 0.03))[:, None]  # shadow under the nose
        blush = _blot(off, t, 0.75, 0.33, 0.4, 0.12)[:, None]
        colour *= 1 + blush * np.array([0.06, -0.08, -0.08], np.float32)
        dark = rgb(self.hair) * 0.6 + 0.01
        for centre, height, wide, tall, ink in (
            (0.43, 0.505, 0.15, 0.022, rgb("1c1512")),  # eyes
            (0.45, 0.60, 0.26, 0.018, dark),  # brows
            (0.0, 0.215, 0.30, 0.024, rgb(self.skin) * np.array([0.55, 0.28, 0.28], np.float32)),  # mouth
        ):
            colour = _mix(colour, ink, 0.85 * _blot(off, t, centre, height, wide, tall))
        if self.beard:
            chin = np.clip((0.34 - t) / 0.06, 0, 1) * np.clip((1.6 - off) / 0.3, 0, 1)
            chin *= 1 - _blot(off, t, 0.0, 0.215, 0.25, 0.03)
            colour = _mix(colour, rgb(self.hair), self.beard * chin)
        drop = min(self.hairline, 1.2) - 0.80
        line = np.interp(off, [0, 0.75, 1.15, 1.45, 1.9, np.pi], np.array([0.80, 0.77, 0.60, 0.42, 0.2, 0.1]) + drop)
        strands = rgb(self.hair) * (1 + 0.2 * np.sin(theta * 23))[:, None]
        covered = np.clip((t - line) / 0.03, 0, 1)[:, None]
        if self.hairline > 1:  # a bald crown above a fringe
            covered *= np.clip((0.66 - t) / 0.05, 0, 1)[:, None]
        return np.asarray(colour * (1 - covered) + strands * covered, np.float32)


def _blot(off: Floats, t: Floats, centre: float, height: float, wide: float, tall: float) -> Floats:
    return np.asarray(np.exp(-(((off - centre) / wide) ** 2 + ((t - height) / tall) ** 2) * 1.5), np.float64)


def _mix(colour: Colours, ink: Colours, share: Floats) -> Colours:
    return np.asarray(colour * (1 - share[:, None]) + ink * share[:, None], np.float32)
