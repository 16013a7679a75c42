"""Bilinear resizing to any size, as exact sums: its weights are fractions of whole numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vistream.ir.footprint import Axes, Footprint, Nothing
from vistream.ir.operations.operation import Operation, only, reached
from vistream.ir.target import Target
from vistream.ir.value import Kind, Value, sums

Ints = NDArray[np.int64]


class Corners(Enum):
    """Where the centres of the output lie: torch's `align_corners` False and True, and ONNX's `asymmetric`."""

    HALF_PIXEL = "half pixel"
    ALIGNED = "aligned"
    ASYMMETRIC = "asymmetric"


@dataclass(frozen=True, slots=True)
class Bilinear(Operation):
    """Linear interpolation of levels (minus their zero), or of sums, at output points laid over the source's grid.

    For a factor of 2 at half pixels the weights are 9, 3, 3 and 1, with divisor 16. `like`: a value whose grid the
    output takes, where the target says so.
    """

    name: str
    source: str
    target: Target
    corners: Corners = Corners.HALF_PIXEL
    like: str | None = None

    computes: ClassVar[bool] = True

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,) if self.like is None else (self.source, self.like)

    def check(self) -> None:
        self.target.check(self.like)

    def lay(self, sources: Sequence[Value]) -> Value:
        only((Kind.LEVELS, Kind.SUMS), sources[:1], self.sources[:1])
        source = sources[0]
        height, width = self.target.grid(sources)
        divisor = math.prod(axis[2] for axis in self.axes(sources))
        return sums(height, width, source.channels, source.centred_peak * divisor, source.divisor * divisor)

    def axes(self, sources: Sequence[Value]) -> tuple[tuple[Ints, Ints, int], tuple[Ints, Ints, int]]:
        """For rows and for columns: the two source lines of each output line, int64 `[2, n]`, their weights `[2, n]`,
        and the sum of these."""
        rows, columns = zip(sources[0].grid, self.target.grid(sources), strict=True)
        return _axis(*rows, self.corners), _axis(*columns, self.corners)

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        (rows, _, _), (columns, _, _) = self.axes(sources)
        axes = Axes(_between(rows), _between(columns), *sources[0].grid)
        return (axes,) if self.like is None else (axes, Nothing())

    def macs(self, sources: Sequence[Value]) -> int:
        return 4 * self.lay(sources).size

    def used_macs(self, sources: Sequence[Value], occupied: Sequence[Tensor]) -> int:
        rows, columns = (
            np.bincount(lines[_distinct(lines, weights)], minlength=size)
            for (lines, weights, _), size in zip(self.axes(sources), sources[0].grid, strict=True)
        )
        return reached(occupied[0], rows, columns)


def _between(lines: Ints) -> Ints:
    """From the first to behind the last of each pair."""
    return np.stack([lines[0], lines[1] + 1])


def _distinct(lines: Ints, weights: Ints) -> NDArray[np.bool_]:
    """Which of each pair of lines count: those with a weight, and at the border, where both are one, that once."""
    twice = lines[0] == lines[1]
    return np.stack([(weights[0] > 0) | twice, (weights[1] > 0) & ~twice])


def _axis(size: int, outputs: int, corners: Corners) -> tuple[Ints, Ints, int]:
    points = np.arange(outputs, dtype=np.int64)
    if corners is Corners.HALF_PIXEL:
        numerators, denominator = (2 * points + 1) * size - outputs, 2 * outputs
    elif corners is Corners.ASYMMETRIC:
        numerators, denominator = points * size, outputs
    else:
        numerators, denominator = points * (size - 1), max(outputs - 1, 1)
    shared = math.gcd(denominator, *numerators.tolist())
    numerators, denominator = numerators // shared, denominator // shared
    first, part = np.divmod(numerators, denominator)
    lines = np.clip(np.stack([first, first + 1]), 0, size - 1)
    return lines, np.stack([denominator - part, part]), denominator
