"""Any change of shape that keeps every number: transposing space and channels, reinterpreting a buffer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from vistream.ir.footprint import Everywhere, Footprint
from vistream.ir.misfit import Misfit
from vistream.ir.operations.operation import Operation
from vistream.ir.value import Value


class Order(Enum):
    """How the numbers of a map follow one another: channel by channel, or position by position."""

    CHANNELS_FIRST = "channels first"
    CHANNELS_LAST = "channels last"


@dataclass(frozen=True, slots=True)
class Rearrange(Operation):
    """The numbers of the source, read in one order, are written in another into a map of `shape`.

    `shape`: rows, columns and channels, each a number or a product of the source's `H`, `W`, `C`, such as "HW" or "1".
    Reading channels first and writing channels last into ("1", "C", "HW") transposes positions and channels.
    """

    name: str
    source: str
    read: Order
    write: Order
    shape: tuple[str, str, str] = ("H", "W", "C")

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def check(self) -> None:
        for text in self.shape:
            if not (text.isdigit() or (text and set(text) <= set("HWC"))):
                raise Misfit(f"has a shape of {self.shape}")

    def lay(self, sources: Sequence[Value]) -> Value:
        source = sources[0]
        sizes = {"H": source.height, "W": source.width, "C": source.channels}
        height, width, channels = (
            int(text) if text.isdigit() else math.prod(sizes[letter] for letter in text) for text in self.shape
        )
        if height * width * channels != source.size or not source.size:
            raise ValueError(f"{source.size} numbers do not fill {height} x {width} x {channels}")
        if len(set(source.zero)) > 1:
            raise Misfit(f"does not fit its source {self.source}, whose channels have several zeros")
        zero = source.zero[:1] * channels
        return replace(source, height=height, width=width, channels=channels, zero=zero)

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        return (Everywhere(),)
