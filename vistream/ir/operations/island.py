"""A piece of a float network that is recomputed as a whole, so that anything can be streamed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from vistream.ir.footprint import Everywhere, Footprint
from vistream.ir.formula import Rounding, requantise
from vistream.ir.misfit import Misfit
from vistream.ir.operations.operation import Operation
from vistream.ir.value import Kind, Value


@dataclass(frozen=True, slots=True, eq=False)
class Island(Operation):
    """Any float module over real numbers; where any of its inputs changed all of it is run, and then compared.

    Each source goes into `module` as `level * gain + offset`, float32 `[1, C, H, W]`; `gains` and `offsets` float32
    `[C]`, one of each a source. The module gives one tensor `[1, C, H, W]`, and from equal inputs an equal one.
    `gives` `REAL`: that; `LEVELS`: `clip(round(y / scale) + zero, lo, hi)`.
    """

    name: str
    sources: tuple[str, ...]
    module: nn.Module
    gains: tuple[Tensor, ...]
    offsets: tuple[Tensor, ...]
    scale: float = 1.0
    lo: int = -128
    hi: int = 127
    zero: int = 0
    rounding: Rounding = Rounding.HALF_UP
    gives: Kind = Kind.LEVELS

    whole: ClassVar[bool] = True
    computes: ClassVar[bool] = True

    def check(self) -> None:
        if not self.sources or not len(self.sources) == len(self.gains) == len(self.offsets):
            raise Misfit("has not one gain and one offset a source")
        if self.gives is Kind.SUMS or not self.scale > 0 or not -128 <= self.lo <= self.zero <= self.hi <= 127:
            raise Misfit(f"gives {self.gives.value} {self.lo}..{self.hi} around {self.zero} of scale {self.scale}")

    def lay(self, sources: Sequence[Value]) -> Value:
        for source, name, gain, offset in zip(sources, self.sources, self.gains, self.offsets, strict=True):
            if gain.shape != (source.channels,) or offset.shape != (source.channels,):
                raise Misfit(f"does not fit its source {name}")
        found = self.run(sources, _nothing(sources))
        zero = (self.zero,) * found.shape[2] if self.zero and self.gives is Kind.LEVELS else ()
        height, width, channels = found.shape
        return Value(height, width, channels, self.gives, max(-self.lo, self.hi), zero=zero)

    def run(self, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
        """The whole output for sources `[H, W, C]`: `[H', W', C']`.

        Raises ValueError where the module can't be run on them, or gives something else than one map.
        """
        real = [
            value.to(torch.float32) * (gain / source.divisor) + offset
            for source, value, gain, offset in zip(sources, held, self.gains, self.offsets, strict=True)
        ]
        try:
            with torch.no_grad():
                found = self.module(*(value.permute(2, 0, 1)[None].contiguous() for value in real))
        except (RuntimeError, IndexError, TypeError, ValueError) as error:  # whatever a module makes of a strange size
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ValueError(f"its module can't be run: {reason}") from None
        if not isinstance(found, Tensor) or found.dim() != 4 or len(found) != 1:
            raise ValueError("its module gives something else than one map [1, C, H, W]")
        y = found[0].permute(1, 2, 0).to(torch.float32).contiguous()
        if self.gives is Kind.REAL:
            return y.clone()
        return requantise(y / self.scale, self.lo, self.hi, rounding=self.rounding, zero=self.zero)

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        return tuple(Everywhere() for _ in sources)

    def macs(self, sources: Sequence[Value]) -> int:
        """Of its convolutions and matrix products, in float32; elementwise operations are not among them."""
        counter = FlopCounterMode(display=False)
        with counter:
            self.run(sources, _nothing(sources))
        return int(counter.get_total_flops()) // 2

    def used_macs(self, sources: Sequence[Value], occupied: Sequence[Tensor]) -> int:
        """All of them: what is 0 inside of it is not looked at."""
        return self.macs(sources)


def _nothing(sources: Sequence[Value]) -> list[Tensor]:
    """Maps of zeros like the sources."""
    return [torch.zeros((*source.grid, source.channels), dtype=source.kind.dtype) for source in sources]
