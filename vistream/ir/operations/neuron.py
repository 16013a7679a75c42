"""The neuron layer: the one operation that decides levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from vistream.ir.footprint import Everywhere, Footprint, Same, place
from vistream.ir.formula import LARGEST_MEMBRANE, Rounding, mean_multiplier, membrane, requantise
from vistream.ir.misfit import Misfit
from vistream.ir.operations.operation import Operation, only, reached
from vistream.ir.value import LARGEST_SUM, Kind, Value
from vistream.ir.window import POINTWISE, Window

FEW = LARGEST_SUM // 128**2  # products of levels and weights, whose sum fits 32 bits whatever they are


@dataclass(frozen=True, slots=True, eq=False)
class Synapse:
    """What one source contributes to a neuron layer: an integer charge, times `multiplier` into levels.

    `weight` int8 `[O, I / groups, kh, kw]`: the charge is a convolution of the source's levels;
    None: it is the source itself, of any kind, or, if `window` is None too, the source's sum over all positions
    (the multiplier is then divided by their number, which makes it their mean).
    `multiplier` float32 `[O]`. `offset` int32 `[O]`, or None: added to the charge, exactly, before it is multiplied.
    """

    source: str
    weight: Tensor | None
    multiplier: Tensor
    window: Window | None = POINTWISE
    groups: int = 1
    offset: Tensor | None = None

    def gain(self, source: Value) -> Tensor:
        """The multiplier, with all that the source's size decides: float32 `[O]`."""
        count = source.divisor * (source.positions if self.window is None else 1)
        return self.multiplier if count == 1 else mean_multiplier(self.multiplier, count)

    def check_charge(self, source: Value) -> None:
        """Raise ValueError where a charge of levels may not fit 32 bits; that of sums is added up in more."""
        few = self.weight is not None and self.weight[0].numel() <= FEW and self.offset is None
        if few or source.kind is not Kind.LEVELS:
            return
        largest = self.largest_charge(source)
        if largest > LARGEST_SUM:
            raise ValueError(f"its sums over {self.source} may reach {largest}, more than 32 bits hold")

    def largest_charge(self, source: Value) -> int:
        """No charge of levels has a larger magnitude."""
        weights = 1 if self.window is not None else source.positions
        if self.weight is not None:
            weights = int(self.weight.to(torch.int64).abs().sum((1, 2, 3)).max())
        return weights * source.peak + (0 if self.offset is None else int(self.offset.to(torch.int64).abs().max()))


@dataclass(frozen=True, slots=True, eq=False)
class Neuron(Operation):
    """`y = bias + sum of charge * multiplier`, in levels; then the level `table[clip(round(y) + zero, lo, hi)]`.

    `bias` float32 `[O]`; `scale`: the real value of one level; -128 <= lo <= 0 <= hi <= 127; `zero`: the level that
    stands for 0. `table` int8 `[256]`, looked up by level + 128, or None: any elementwise function after the sum.
    `gives` `SUMS`: `round(y)` as it is, a membrane that later neurons take through an identity; `REAL`: `y` itself.
    `holds`: whether a stream's hysteresis holds its level; a network may have it at a few neurons only.
    """

    name: str
    synapses: tuple[Synapse, ...]
    bias: Tensor
    lo: int = -128
    hi: int = 127
    scale: float = 1.0
    table: Tensor | None = None
    rounding: Rounding = Rounding.HALF_UP
    zero: int = 0
    gives: Kind = Kind.LEVELS
    holds: bool = True

    computes: ClassVar[bool] = True

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(synapse.source for synapse in self.synapses)

    def activation(self, y: Tensor, held: Tensor | None = None, hysteresis: int = 0) -> Tensor:
        """What the neurons give at pre-activation `y`, float32, where they hold `held` so far."""
        if self.gives is Kind.REAL:
            return y
        if self.gives is Kind.SUMS:
            return membrane(y, self.rounding)
        rules = {"rounding": self.rounding, "zero": self.zero, "table": self.table}
        hysteresis = hysteresis if self.holds else 0
        return requantise(y, self.lo, self.hi, held, hysteresis, **rules)  # type: ignore[arg-type]  # a dict of rules

    def check(self) -> None:
        if not self.synapses:
            raise Misfit("has no source")
        if not -128 <= self.lo <= 0 <= self.hi <= 127 or not self.lo <= self.zero <= self.hi:
            raise Misfit(f"has levels {self.lo}..{self.hi} around {self.zero}")
        _check_tensor("bias", self.bias, torch.float32, 1)
        if self.table is not None and (self.table.dtype != torch.int8 or self.table.shape != (256,)):
            raise Misfit("has a table that is not int8 [256]")
        for synapse in self.synapses:
            if synapse.window is not None:
                synapse.window.check()
            _check_tensor("multiplier", synapse.multiplier, torch.float32, 1)
            if synapse.weight is not None:
                _check_tensor("weight", synapse.weight, torch.int8, 4)
                if synapse.window is None or synapse.window.kernel != tuple(synapse.weight.shape[2:]):
                    raise Misfit("has a weight that is not of its window's size")
            if synapse.offset is not None:
                _check_tensor("offset", synapse.offset, torch.int32, 1)

    def lay(self, sources: Sequence[Value]) -> Value:
        grids = [self._grid(synapse, source) for synapse, source in zip(self.synapses, sources, strict=True)]
        if len(set(grids)) > 1:
            raise ValueError(f"its inputs have different sizes ({', '.join(map(str, sorted(set(grids))))})")
        zero = (self.zero,) * len(self.bias) if self.zero and self.gives is Kind.LEVELS else ()
        return Value(*grids[0], len(self.bias), self.gives, self._peak(), zero=zero)

    def _grid(self, synapse: Synapse, source: Value) -> tuple[int, int]:
        weight, outputs = synapse.weight, len(self.bias)
        inputs = outputs if weight is None else weight.shape[1] * synapse.groups
        fits = len(synapse.multiplier) == outputs and inputs == source.channels
        if weight is not None:
            only((Kind.LEVELS,), [source], [synapse.source])
        elif synapse.window is None or synapse.offset is not None:
            only((Kind.LEVELS, Kind.SUMS), [source], [synapse.source])  # what is exact in any order
        if weight is not None:
            fits = fits and len(weight) == outputs and synapse.groups > 0 and outputs % synapse.groups == 0
        if not fits or (synapse.offset is not None and len(synapse.offset) != outputs):
            raise Misfit(f"does not fit its source {synapse.source}")
        synapse.check_charge(source)
        if synapse.window is None:
            return 1, 1
        if weight is None:
            return source.grid
        placed = synapse.window.place(source.height, source.width)
        return placed.height, placed.width

    def _peak(self) -> int:
        if self.gives is not Kind.LEVELS:
            return LARGEST_MEMBRANE
        if self.table is None:
            return max(-self.lo, self.hi)
        return int(self.table[self.lo + 128 : self.hi + 129].to(torch.int16).abs().max())

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        return tuple(
            Everywhere() if synapse.window is None
            else Same() if synapse.weight is None or synapse.window.pointwise
            else place(synapse.window, source)
            for synapse, source in zip(self.synapses, sources, strict=True)
        )  # fmt: skip

    def macs(self, sources: Sequence[Value]) -> int:
        height, width = self.lay(sources).grid
        return height * width * sum(s.weight.numel() for s in self.synapses if s.weight is not None)

    def used_macs(self, sources: Sequence[Value], occupied: Sequence[Tensor]) -> int:
        found = 0
        for synapse, source, numbers in zip(self.synapses, sources, occupied, strict=True):
            if synapse.weight is not None and synapse.window is not None:
                uses = synapse.window.uses(*source.grid)
                found += reached(numbers, *uses) * (len(synapse.weight) // synapse.groups)
        return found


def _check_tensor(what: str, tensor: Tensor, dtype: torch.dtype, dimensions: int) -> None:
    if tensor.dtype != dtype or tensor.dim() != dimensions or not tensor.numel():
        raise Misfit(f"has a {what} of {tensor.dtype} {list(tensor.shape)}")
    if not bool(torch.isfinite(tensor).all()):
        raise Misfit(f"has a {what} that is not finite")
