"""Channels side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vistream.ir.footprint import Footprint, Same
from vistream.ir.misfit import Misfit
from vistream.ir.operations.operation import Operation, same_grid
from vistream.ir.value import Value, all_zero


@dataclass(frozen=True, slots=True)
class Concat(Operation):
    """Channels side by side. Each part keeps its own scale, which the weights behind it must know by channel."""

    name: str
    sources: tuple[str, ...]

    def check(self) -> None:
        if not self.sources:
            raise Misfit("has no source")

    def lay(self, sources: Sequence[Value]) -> Value:
        if len({(source.kind, source.divisor) for source in sources}) > 1:
            raise Misfit("does not fit its sources: they are of several kinds")
        zero = tuple(z for source in sources for z in source.zero or (0,) * source.channels)
        channels, peak = sum(source.channels for source in sources), max(source.peak for source in sources)
        first = sources[0]
        return Value(*same_grid(sources), channels, first.kind, peak, first.divisor, all_zero(zero))

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        return tuple(Same() for _ in sources)
