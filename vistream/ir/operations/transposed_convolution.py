"""Transposed convolution, as exact sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from vistream.ir.footprint import Axes, Footprint
from vistream.ir.misfit import Misfit
from vistream.ir.operations.operation import Operation, only, reached
from vistream.ir.value import Kind, Value, sums
from vistream.ir.window import Counts, Pair


@dataclass(frozen=True, slots=True, eq=False)
class TransposedConvolution(Operation):
    """Output row `y` gets `weight[k] * (level - zero)` of every source row `i` with `i * stride + k * dilation - y ==
    before`; columns likewise.

    `weight` int8 `[O, I / groups, kh, kw]`. `before`, `after`: rows and columns (vertical, horizontal) that are cut off
    the full result; torch's `padding` and `padding - output_padding`.
    """

    name: str
    source: str
    weight: Tensor
    stride: Pair = (1, 1)
    before: Pair = (0, 0)
    after: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    computes: ClassVar[bool] = True

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def check(self) -> None:
        if self.weight.dtype != torch.int8 or self.weight.dim() != 4 or not self.weight.numel():
            raise Misfit(f"has a weight of {self.weight.dtype} {list(self.weight.shape)}")
        if min(*self.stride, *self.dilation, self.groups) < 1 or len(self.weight) % self.groups:
            raise Misfit("has a stride, a dilation or groups that make no sense")

    def lay(self, sources: Sequence[Value]) -> Value:
        only((Kind.LEVELS,), sources, self.sources)
        source = sources[0]
        if self.weight.shape[1] * self.groups != source.channels:
            raise Misfit(f"does not fit its source {self.source}")
        height, width = (self._output(size, axis) for axis, size in enumerate(source.grid))
        if min(height, width) < 1:
            raise ValueError("nothing of its output is left")
        largest = int(self.weight.to(torch.int64).abs().sum((1, 2, 3)).max())
        return sums(height, width, len(self.weight), largest * source.centred_peak)

    def _output(self, size: int, axis: int) -> int:
        reach = self.dilation[axis] * (self.weight.shape[2 + axis] - 1) + 1
        return (size - 1) * self.stride[axis] + reach - self.before[axis] - self.after[axis]

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        source, value = sources[0], self.lay(sources)
        lines = []
        for axis in (0, 1):
            last = np.arange(value.grid[axis]) + self.before[axis]
            first = last - self.dilation[axis] * (self.weight.shape[2 + axis] - 1)
            begin = np.clip(-(-first // self.stride[axis]), 0, source.grid[axis])
            behind = np.clip(last // self.stride[axis] + 1, 0, source.grid[axis])
            lines.append(np.stack([begin, np.maximum(behind, begin)]))
        return (Axes(lines[0], lines[1], *source.grid),)

    def macs(self, sources: Sequence[Value]) -> int:
        return sources[0].positions * self.weight.numel()

    def used_macs(self, sources: Sequence[Value], occupied: Sequence[Tensor]) -> int:
        rows, columns = (self._uses(size, axis) for axis, size in enumerate(sources[0].grid))
        return reached(occupied[0], rows, columns) * (len(self.weight) // self.groups)

    def _uses(self, size: int, axis: int) -> Counts:
        """How many lines of the output each line of the source reaches."""
        taps = np.arange(self.weight.shape[2 + axis]) * self.dilation[axis] - self.before[axis]
        lines = np.arange(size)[:, None] * self.stride[axis] + taps
        counts: Counts = ((lines >= 0) & (lines < self._output(size, axis))).sum(1)
        return counts
