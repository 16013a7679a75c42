"""Resizing to the nearest neighbour, to any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from vistream.ir.footprint import Footprint, Ints, Nothing, single
from vistream.ir.operations.operation import Operation
from vistream.ir.target import Target
from vistream.ir.value import Value


class Choice(Enum):
    """Which source line an output line takes: the one below the output's own corner (torch's `nearest`), or the one
    that its centre is nearest to, ties up (`nearest-exact`) or down (ONNX's `round_prefer_floor`)."""

    FLOOR = "floor"
    CENTRE = "centre"
    CENTRE_DOWN = "centre, ties down"


@dataclass(frozen=True, slots=True)
class Nearest(Operation):
    """Each position takes over one of the source's. For whole factors `Upsample` is the same and has faster kernels.

    `like`: a value whose grid the output takes, where the target says so.
    """

    name: str
    source: str
    target: Target
    choice: Choice = Choice.FLOOR
    like: str | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,) if self.like is None else (self.source, self.like)

    def check(self) -> None:
        self.target.check(self.like)

    def lay(self, sources: Sequence[Value]) -> Value:
        height, width = self.target.grid(sources)
        return replace(sources[0], height=height, width=width)

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        rows, columns = zip(sources[0].grid, self.target.grid(sources), strict=True)
        lines = single(_lines(*rows, self.choice), _lines(*columns, self.choice), sources[0])
        return (lines,) if self.like is None else (lines, Nothing())


def _lines(size: int, outputs: int, choice: Choice) -> Ints:
    points = np.arange(outputs, dtype=np.int64)
    if choice is Choice.FLOOR:
        return points * size // outputs
    centre = (2 * points + 1) * size  # over 2 * outputs, plus a half
    found = centre // (2 * outputs) if choice is Choice.CENTRE else -(-(centre - 2 * outputs) // (2 * outputs))
    return np.clip(found, 0, size - 1)
