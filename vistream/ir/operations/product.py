"""The product of two maps, number by number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from vistream.ir.footprint import Everywhere, Footprint, Same
from vistream.ir.misfit import Misfit
from vistream.ir.operations.operation import Operation, only
from vistream.ir.value import Kind, Value, sums


@dataclass(frozen=True, slots=True)
class Product(Operation):
    """`a * b` of levels (minus their zero) or sums, as sums.

    `right` may be a gate: of one position, which then applies to all (squeeze-and-excitation), or of one channel.
    """

    name: str
    left: str
    right: str

    computes: ClassVar[bool] = True

    @property
    def sources(self) -> tuple[str, ...]:
        return self.left, self.right

    def lay(self, sources: Sequence[Value]) -> Value:
        only((Kind.LEVELS, Kind.SUMS), sources, self.sources)
        left, right = sources
        if right.channels not in (1, left.channels):
            raise Misfit(f"does not fit its sources: they have {left.channels} and {right.channels} channels")
        if right.grid not in (left.grid, (1, 1)):
            raise ValueError(f"its inputs have different sizes ({left.grid}, {right.grid})")
        peak = left.centred_peak * right.centred_peak
        return sums(*left.grid, left.channels, peak, left.divisor * right.divisor)

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        left, right = sources
        return Same(), Same() if right.grid == left.grid else Everywhere()

    def macs(self, sources: Sequence[Value]) -> int:
        return sources[0].size

    def used_macs(self, sources: Sequence[Value], occupied: Sequence[Tensor]) -> int:
        return int((occupied[0] & occupied[1]).sum())
