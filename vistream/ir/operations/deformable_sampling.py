"""Deformable sampling: where a window looks, and how much each look counts, are themselves computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from vistream.ir.footprint import Everywhere, Footprint, Same
from vistream.ir.misfit import Misfit
from vistream.ir.operations.operation import Operation, only
from vistream.ir.sampling import sample
from vistream.ir.value import Kind, Value
from vistream.ir.window import Window


@dataclass(frozen=True, slots=True)
class DeformableSampling(Operation):
    """For each output position and tap of the window, the source at the tap plus its offset, between positions.

    `offsets`: real, channels `[group][tap][y, x]`, in positions; `weights`: levels or real, channels `[group][tap]`, or
    None for 1. Taps go row by row; the source's channels fall into `groups` that share offsets and weights. Gives real
    numbers in the source's scale (times the weights'): the sum over all taps, or, unless `summed`, `[tap][channel]` for
    a 1x1 convolution behind it (Deformable ConvNets v2). Needs the whole source: where it looks is not known before.
    """

    name: str
    source: str
    offsets: str
    weights: str | None
    window: Window
    groups: int = 1
    summed: bool = True

    computes: ClassVar[bool] = True

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source, self.offsets, *(() if self.weights is None else (self.weights,)))

    @property
    def taps(self) -> int:
        return self.window.kernel[0] * self.window.kernel[1]

    def check(self) -> None:
        if self.groups < 1:
            raise Misfit(f"has {self.groups} groups")
        self.window.check()

    def lay(self, sources: Sequence[Value]) -> Value:
        only((Kind.REAL,), sources[1:2], self.sources[1:2])
        source, per_group = sources[0], self.groups * self.taps
        widths = [value.channels for value in sources[1:]]
        if source.channels % self.groups or widths != [2 * per_group, per_group][: len(widths)]:
            raise Misfit(f"does not fit its sources, of {source.channels} channels and then {widths}")
        placed = self.window.place(source.height, source.width)
        grid = placed.height, placed.width
        if any(value.grid != grid for value in sources[1:]):
            raise ValueError(f"its offsets are not those of {grid} windows")
        return Value(*grid, source.channels * (1 if self.summed else self.taps), Kind.REAL)

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        return (Everywhere(), *(Same() for _ in sources[1:]))

    def macs(self, sources: Sequence[Value]) -> int:
        return 4 * self.taps * sources[1].positions * sources[0].channels

    def used_macs(self, sources: Sequence[Value], occupied: Sequence[Tensor]) -> int:
        """All of them: where it looks is not known before."""
        return self.macs(sources)

    def at(self, sources: Sequence[Value], held: Sequence[Tensor], rows: Tensor, columns: Tensor) -> Tensor:
        """What the output positions at `rows` and `columns`, int64 `[n]`, hold: float32 `[n, C]`.

        `held`: the sources, `[H, W, C]` the first, `[n, C]` at these positions the others.
        """
        height, width, channels = held[0].shape
        values = (held[0].to(torch.float32) - sources[0].zeros).reshape(height, width, self.groups, -1)
        offsets = held[1].reshape(len(rows), self.groups, self.taps, 2)
        placed, window = self.window.place(height, width), self.window
        found = []
        for tap in range(self.taps):
            down, across = divmod(tap, window.kernel[1])
            y = rows * window.stride[0] - placed.top + down * window.dilation[0]
            x = columns * window.stride[1] - placed.left + across * window.dilation[1]
            sampled = sample(values, y[:, None] + offsets[:, :, tap, 0], x[:, None] + offsets[:, :, tap, 1])
            if len(held) > 2:
                weights = (held[2].to(torch.float32) - sources[2].zeros).reshape(len(rows), self.groups, self.taps)
                sampled = sampled * weights[:, :, tap, None]
            found.append(sampled.reshape(len(rows), channels))
        if not self.summed:
            return torch.cat(found, 1)
        total = found[0]
        for more in found[1:]:
            total = total + more
        return total
