"""Average pooling over windows, as exact sums."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from vistream.ir.footprint import Footprint, place
from vistream.ir.operations.operation import Operation, only, reached
from vistream.ir.value import Kind, Value, sums
from vistream.ir.window import Counts, Window


@dataclass(frozen=True, slots=True)
class AveragePool(Operation):
    """The mean of the levels (minus their zero) in each window.

    It gives sums: those of a window times `divisor / n`, where `n` is how many positions the window counts and the
    divisor a multiple of every `n` there is. `include_padding`: whether padding counts (what a window reaches beyond it
    by rounding up never does, as in torch).
    """

    name: str
    source: str
    window: Window
    include_padding: bool = True

    computes: ClassVar[bool] = True
    adds_only: ClassVar[bool] = True

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def check(self) -> None:
        self.window.check()

    def lay(self, sources: Sequence[Value]) -> Value:
        only((Kind.LEVELS,), sources, self.sources)
        source = sources[0]
        rows, columns = self.counts(source)
        divisor = math.lcm(*rows.tolist()) * math.lcm(*columns.tolist())
        return sums(len(rows), len(columns), source.channels, source.centred_peak * divisor, divisor)

    def counts(self, source: Value) -> tuple[Counts, Counts]:
        """How many rows and columns the windows of each output row and column count: `n` is their product."""
        placed, window = self.window.place(source.height, source.width), self.window
        plain = Window(window.kernel, window.stride, window.dilation, window.padding, window.after)
        found = []
        for axis, (size, outputs, before) in enumerate(
            ((source.height, placed.height, placed.top), (source.width, placed.width, placed.left))
        ):
            taps = np.arange(window.kernel[axis]) * window.dilation[axis] - before
            lines = np.arange(outputs)[:, None] * window.stride[axis] + taps
            first, behind = 0, size
            if self.include_padding:
                uncut = plain.place(source.height, source.width)
                first, behind = -before, size + ((uncut.bottom, uncut.right)[axis])
            found.append(np.maximum(((lines >= first) & (lines < behind)).sum(1), 1))
        return found[0], found[1]

    def factors(self, source: Value) -> Counts:
        """What the sum of each window is multiplied by: int64 `[height, width]`."""
        rows, columns = self.counts(source)
        return math.lcm(*rows.tolist()) // rows[:, None] * (math.lcm(*columns.tolist()) // columns[None])

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        return (place(self.window, sources[0]),)

    def macs(self, sources: Sequence[Value]) -> int:
        return self.lay(sources).size * self.window.kernel[0] * self.window.kernel[1]

    def used_macs(self, sources: Sequence[Value], occupied: Sequence[Tensor]) -> int:
        return reached(occupied[0], *self.window.uses(*sources[0].grid))
