"""The frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vistream.ir.footprint import Footprint
from vistream.ir.misfit import Misfit
from vistream.ir.operations.operation import Operation
from vistream.ir.value import Value, all_zero
from vistream.ir.window import Pair

PIXEL_ZERO = 128  # the grey value that the integer network sees as level 0


@dataclass(frozen=True, slots=True)
class Input(Operation):
    """The frame itself: 8-bit pixels minus `PIXEL_ZERO`.

    `offset`: by channel, the pixel (0 to 255) that stands for 0, usually the mean colour: what windows find outside the
    frame. Empty: `PIXEL_ZERO` in all channels. `size`: the only rows and columns that the network is for; None: any.
    """

    name: str
    channels: int
    offset: tuple[int, ...] = ()
    size: Pair | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        return ()

    def check(self) -> None:
        if self.channels < 1 or len(self.offset) not in (0, self.channels):
            raise Misfit(f"has {self.channels} channels and {len(self.offset)} offsets")
        if not all(0 <= pixel <= 255 for pixel in self.offset):
            raise Misfit("has an offset that is no pixel (0 to 255)")

    def lay(self, sources: Sequence[Value]) -> Value:
        """Not known before there is a frame: see `frame`."""
        raise NotImplementedError

    def frame(self, height: int, width: int) -> Value:
        """The value of frames of this size; raises `Misfit` where the network is for another."""
        if self.size is not None and self.size != (height, width):
            only = f"{self.size[1]}x{self.size[0]}"
            raise Misfit(f"takes frames of {only} pixels alone, not {width}x{height}: convert the model again")
        return Value(height, width, self.channels, zero=all_zero(tuple(pixel - PIXEL_ZERO for pixel in self.offset)))

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        return ()
