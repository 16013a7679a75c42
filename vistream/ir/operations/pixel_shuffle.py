"""Channels to space and back, in torch's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vistream.ir.footprint import Axes, Footprint, single
from vistream.ir.misfit import Misfit
from vistream.ir.operations.operation import Operation
from vistream.ir.value import Value


@dataclass(frozen=True, slots=True)
class PixelShuffle(Operation):
    """`[h, w, C * r * r]` to `[h * r, w * r, C]`: pixel (i, j) of a block is channel `c * r * r + i * r + j`."""

    name: str
    source: str
    factor: int

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def check(self) -> None:
        if self.factor < 1:
            raise Misfit(f"has a factor of {self.factor}")

    def lay(self, sources: Sequence[Value]) -> Value:
        source, block = sources[0], self.factor**2
        if source.channels % block or any(len(set(part)) > 1 for part in _blocks(source.zero, block)):
            raise Misfit(f"does not fit its source {self.source} of {source.channels} channels")
        height, width = (size * self.factor for size in source.grid)
        return replace(source, height=height, width=width, channels=source.channels // block, zero=source.zero[::block])

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        rows, columns = (np.arange(size * self.factor) // self.factor for size in sources[0].grid)
        return (single(rows, columns, sources[0]),)


@dataclass(frozen=True, slots=True)
class PixelUnshuffle(Operation):
    """`[h * r, w * r, C]` to `[h, w, C * r * r]`, the inverse of `PixelShuffle`."""

    name: str
    source: str
    factor: int

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def check(self) -> None:
        if self.factor < 1:
            raise Misfit(f"has a factor of {self.factor}")

    def lay(self, sources: Sequence[Value]) -> Value:
        source, block = sources[0], self.factor**2
        if source.height % self.factor or source.width % self.factor:
            raise ValueError(f"{source.width}x{source.height} can't be cut into blocks of {self.factor}")
        height, width = (size // self.factor for size in source.grid)
        zero = tuple(level for level in source.zero for _ in range(block))
        return replace(source, height=height, width=width, channels=source.channels * block, zero=zero)

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        lines = [np.arange(size // self.factor) * self.factor for size in sources[0].grid]
        rows, columns = (np.stack([first, first + self.factor]) for first in lines)
        return (Axes(rows, columns, *sources[0].grid),)


def _blocks(zero: tuple[int, ...], block: int) -> list[tuple[int, ...]]:
    return [zero[first : first + block] for first in range(0, len(zero), block)]
