"""Rows and columns picked at even steps: crops, and every second pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vistream.ir.footprint import Footprint, single
from vistream.ir.misfit import Misfit
from vistream.ir.operations.operation import Operation
from vistream.ir.value import Value
from vistream.ir.window import LARGEST, Pair


@dataclass(frozen=True, slots=True)
class Slice(Operation):
    """Rows and columns from the `first` on, every `step`-th, without the last `cut`: each (vertical, horizontal)."""

    name: str
    source: str
    first: Pair = (0, 0)
    step: Pair = (1, 1)
    cut: Pair = (0, 0)

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def check(self) -> None:
        if min(self.step) < 1 or min(*self.first, *self.cut) < 0 or max(*self.first, *self.cut, *self.step) > LARGEST:
            raise Misfit(f"takes from {self.first} every {self.step}, but the last {self.cut}")

    def lay(self, sources: Sequence[Value]) -> Value:
        height, width = (len(self._lines(size, axis)) for axis, size in enumerate(sources[0].grid))
        if min(height, width) < 1:
            raise ValueError("nothing is left of its source")
        return replace(sources[0], height=height, width=width)

    def _lines(self, size: int, axis: int) -> range:
        return range(self.first[axis], size - self.cut[axis], self.step[axis])

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        rows, columns = (np.array(self._lines(size, axis)) for axis, size in enumerate(sources[0].grid))
        return (single(rows, columns, sources[0]),)
