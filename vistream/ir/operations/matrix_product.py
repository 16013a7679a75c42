"""The matrix product of two activations: attention without softmax, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

import torch
from torch import Tensor

from vistream.ir.footprint import Everywhere, Footprint, Same
from vistream.ir.misfit import Misfit
from vistream.ir.operations.operation import Operation, only
from vistream.ir.value import Kind, Value, sums


class Transposed(Enum):
    """Which of the two matrices is transposed first."""

    NEITHER = "neither"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class MatrixProduct(Operation):
    """A map is a matrix a head: its positions are the rows, the head's share of its channels the columns.

    Head by head `left @ right`, or `left @ right.T`; levels minus their zero, or sums; as sums. The rows of the output
    are the positions of `left`, its channels head after head.
    """

    name: str
    left: str
    right: str
    heads: int = 1
    transposed: Transposed = Transposed.NEITHER

    computes: ClassVar[bool] = True

    @property
    def sources(self) -> tuple[str, ...]:
        return self.left, self.right

    def check(self) -> None:
        _check_heads(self.heads)

    def lay(self, sources: Sequence[Value]) -> Value:
        left, right = _fitting(self.heads, sources, self.sources)
        inner = left.channels // self.heads
        if self.transposed is Transposed.RIGHT:
            if left.channels != right.channels:
                raise Misfit(f"does not fit its sources: they have {left.channels} and {right.channels} channels")
            channels = self.heads * right.positions
        else:
            if inner != right.positions:
                raise ValueError(f"{inner} columns a head do not meet {right.positions} rows")
            channels = right.channels
        peak = inner * left.centred_peak * right.centred_peak
        return sums(*left.grid, channels, peak, left.divisor * right.divisor)

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        return Same(), Everywhere()

    def macs(self, sources: Sequence[Value]) -> int:
        return self.lay(sources).size * (sources[0].channels // self.heads)

    def used_macs(self, sources: Sequence[Value], occupied: Sequence[Tensor]) -> int:
        left, right = (_counts(self.heads, numbers) for numbers in occupied)
        rows = right.sum(0) if self.transposed is Transposed.RIGHT else right.sum(2).t()
        return int((left.sum(0) * rows).sum())


@dataclass(frozen=True, slots=True)
class TokenSum(Operation):
    """Head by head `left.T @ right`: the sum over all positions of the outer products of their channels, `k^T v`.

    Output position `i` (in one row) is column `i` of a head of `left`; channels are those of `right`. A running sum: a
    stream adds the differences of the positions that changed, exactly.
    """

    name: str
    left: str
    right: str
    heads: int = 1

    whole: ClassVar[bool] = True
    computes: ClassVar[bool] = True

    @property
    def sources(self) -> tuple[str, ...]:
        return self.left, self.right

    def check(self) -> None:
        _check_heads(self.heads)

    def lay(self, sources: Sequence[Value]) -> Value:
        left, right = _fitting(self.heads, sources, self.sources)
        if left.grid != right.grid:
            raise ValueError(f"its inputs have different sizes ({left.grid}, {right.grid})")
        peak = left.positions * left.centred_peak * right.centred_peak
        return sums(1, left.channels // self.heads, right.channels, peak, left.divisor * right.divisor)

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        return Everywhere(), Everywhere()

    def macs(self, sources: Sequence[Value]) -> int:
        return sources[0].positions * self.lay(sources).size

    def used_macs(self, sources: Sequence[Value], occupied: Sequence[Tensor]) -> int:
        left, right = (_counts(self.heads, numbers) for numbers in occupied)
        return int((left.sum(2) * right.sum(2)).sum())


def _counts(heads: int, occupied: Tensor) -> Tensor:
    """1 where there is a number that is not 0: int64 `[positions, heads, columns]`."""
    positions = occupied.shape[0] * occupied.shape[1]
    return occupied.reshape(positions, heads, -1).to(torch.int64)


def _check_heads(heads: int) -> None:
    if heads < 1:
        raise Misfit(f"has {heads} heads")


def _fitting(heads: int, sources: Sequence[Value], names: Sequence[str]) -> tuple[Value, Value]:
    only((Kind.LEVELS, Kind.SUMS), sources, names)
    left, right = sources
    if left.channels % heads or right.channels % heads:
        raise Misfit(f"does not fit its sources: {left.channels} and {right.channels} channels, {heads} heads")
    return left, right
