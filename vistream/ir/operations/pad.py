"""Padding, and cropping, which is padding by less than nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from vistream.ir.footprint import Footprint, Ints, single
from vistream.ir.operations.operation import Operation
from vistream.ir.value import Value
from vistream.ir.window import Pair


class Edge(Enum):
    """What lies beyond the map: its zero, its last line, or the map mirrored at its last line."""

    ZERO = "zero"
    REPEATED = "repeated"
    MIRRORED = "mirrored"


@dataclass(frozen=True, slots=True)
class Pad(Operation):
    """Rows and columns (vertical, horizontal) added `before` and `after` the map; negative: taken away."""

    name: str
    source: str
    before: Pair
    after: Pair
    edge: Edge = Edge.ZERO

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def lay(self, sources: Sequence[Value]) -> Value:
        source = sources[0]
        height, width = (source.grid[axis] + self.before[axis] + self.after[axis] for axis in (0, 1))
        if min(height, width) < 1:
            raise ValueError("nothing is left of its source")
        for axis, size in enumerate(source.grid):
            if self.edge is Edge.MIRRORED and max(self.before[axis], self.after[axis]) >= size:
                raise ValueError(f"its source of {size} lines can't be mirrored for more than that")
        return replace(source, height=height, width=width)

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        rows, columns = (self._lines(size, axis) for axis, size in enumerate(sources[0].grid))
        return (single(rows, columns, sources[0]),)

    def _lines(self, size: int, axis: int) -> Ints:
        lines = np.arange(-self.before[axis], size + self.after[axis], dtype=np.int64)
        if self.edge is Edge.ZERO:
            return np.where((lines >= 0) & (lines < size), lines, -1)
        if self.edge is Edge.REPEATED:
            return np.clip(lines, 0, size - 1)
        lines = np.abs(lines)
        return np.where(lines < size, lines, 2 * (size - 1) - lines)
