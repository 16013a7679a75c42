"""Up-sampling to the nearest neighbour, by a whole factor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vistream.ir.footprint import Footprint, single
from vistream.ir.misfit import Misfit
from vistream.ir.operations.operation import Operation
from vistream.ir.value import Value


@dataclass(frozen=True, slots=True)
class Upsample(Operation):
    """Nearest neighbour, by a whole factor (vertical, horizontal)."""

    name: str
    source: str
    factor: tuple[int, int]

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def check(self) -> None:
        if min(self.factor) < 1:
            raise Misfit(f"has a factor of {self.factor}")

    def lay(self, sources: Sequence[Value]) -> Value:
        rows, columns = self.factor
        return replace(sources[0], height=sources[0].height * rows, width=sources[0].width * columns)

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        source, value = sources[0], self.lay(sources)
        rows, columns = np.arange(value.height) // self.factor[0], np.arange(value.width) // self.factor[1]
        return (single(rows, columns, source),)
