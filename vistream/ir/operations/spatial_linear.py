"""A linear map over space, the same in every channel: it mixes positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from vistream.ir.footprint import Everywhere, Footprint
from vistream.ir.misfit import Misfit
from vistream.ir.operations.operation import Operation, only
from vistream.ir.value import Kind, Value, sums
from vistream.ir.window import Pair


@dataclass(frozen=True, slots=True, eq=False)
class SpatialLinear(Operation):
    """Output position `p` is the sum over source positions `q` of `weight[p, q] * (level - zero)`, as sums.

    `weight` int8 `[P, Q]`, for maps of `Q` positions; `grid`: rows and columns of the output, `P` positions.
    """

    name: str
    source: str
    weight: Tensor
    grid: Pair

    computes: ClassVar[bool] = True

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def check(self) -> None:
        weight = self.weight
        if weight.dtype != torch.int8 or weight.dim() != 2 or not weight.numel():
            raise Misfit(f"has a weight of {weight.dtype} {list(weight.shape)}")
        if min(self.grid) < 1 or self.grid[0] * self.grid[1] != len(weight):
            raise Misfit(f"has {len(weight)} outputs for a grid of {self.grid}")

    def lay(self, sources: Sequence[Value]) -> Value:
        only((Kind.LEVELS,), sources, self.sources)
        source = sources[0]
        if source.positions != self.weight.shape[1]:
            raise ValueError(f"its source has {source.positions} positions, not the {self.weight.shape[1]} it mixes")
        largest = int(self.weight.to(torch.int64).abs().sum(1).max())
        return sums(*self.grid, source.channels, largest * source.centred_peak)

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        return (Everywhere(),)

    def macs(self, sources: Sequence[Value]) -> int:
        return self.weight.numel() * sources[0].channels

    def used_macs(self, sources: Sequence[Value], occupied: Sequence[Tensor]) -> int:
        return int(occupied[0].sum()) * len(self.weight)
