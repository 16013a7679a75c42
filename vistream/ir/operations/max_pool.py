"""Max-pooling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vistream.ir.footprint import Footprint, place
from vistream.ir.operations.operation import Operation, only
from vistream.ir.value import Kind, Value
from vistream.ir.window import Window


@dataclass(frozen=True, slots=True)
class MaxPool(Operation):
    """The largest level in each window; padding never wins. Its sources have one scale and a positive one."""

    name: str
    source: str
    window: Window

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def check(self) -> None:
        self.window.check()

    def lay(self, sources: Sequence[Value]) -> Value:
        only((Kind.LEVELS,), sources, self.sources)
        placed = self.window.place(sources[0].height, sources[0].width)
        peak = 128 if self.window.misses(*sources[0].grid) else sources[0].peak  # where there is nothing, it gives -128
        return replace(sources[0], height=placed.height, width=placed.width, peak=peak)

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        return (place(self.window, sources[0]),)
