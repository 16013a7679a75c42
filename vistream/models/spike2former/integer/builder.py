"""An integer network put together operation by operation, from real weights and the units of what they meet.

Three kinds of values: *spikes*, the levels 0..D of a neuron; *membranes*, what residues are added to, as int32 in steps
of `STEP` levels; and *wide levels*, linear results between two convolutions without a neuron between.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from vistream.ir.formula import Rounding
from vistream.ir.network import IntegerNetwork, Output
from vistream.ir.operations import Neuron, Operation, Synapse
from vistream.ir.value import Kind
from vistream.ir.window import POINTWISE, Window
from vistream.models.spike2former.integer.folding import Folded

STEP = 2.0**-14
"""Of a membrane, in levels of the neurons that read it; float32 holds membranes of up to 1024 levels in such steps."""
FINER = 24
"""Steps of a level in which neurons are held, or as many as fit; a hysteresis is counted in them."""
LARGEST = 127  # of a weight and of a wide level
TWICE = 254  # what the upper half of a number of two bytes counts, so that the lower one lies in -127..127
BITS = (8, 16)


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """A value: the real number is `(number - zero) * unit`, both by channel, float64 `[C]`, or alike in all of them."""

    name: str
    unit: Tensor | float
    zero: Tensor | float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """A value, or a convolution of it; `gain` float64 `[O]`, or a number: what it is multiplied by."""

    source: Map
    weight: Tensor | None = None
    gain: Tensor | float = 1.0
    stride: int = 1
    groups: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Sum:
    """What a neuron layer adds up, in real numbers: `terms` and `bias`, float64 `[O]` or a number."""

    terms: tuple[Term, ...]
    bias: Tensor | float = 0.0

    def __add__(self, other: Sum) -> Sum:
        return Sum((*self.terms, *other.terms), self.bias + other.bias)

    def gained(self, gain: Tensor) -> Sum:
        """All of it times `gain`, `[O]`."""
        gain = gain.detach().double()
        return Sum(tuple(replace(term, gain=term.gain * gain) for term in self.terms), self.bias * gain)


def same(*sources: Map, gain: Tensor | float = 1.0) -> Sum:
    """Values as they are, times a gain."""
    gain = gain.detach().double() if isinstance(gain, Tensor) else gain
    return Sum(tuple(Term(source, None, gain) for source in sources))


def convolved(conv: Folded, *sources: Map) -> Sum:
    """A convolution of the sum of values; what lies outside a map is its zero."""
    return Sum(tuple(Term(source, conv.weight, 1.0, conv.stride, conv.groups) for source in sources), conv.bias)


@dataclass(slots=True)
class Builder:
    """Collects operations. `bits`: of a weight, and of a wide level; with 16 each is two of 8, upper and lower.

    `held`: neurons are such that a dead zone holds them, at a step of `FINER`.
    """

    bits: int = 8
    held: bool = False
    layers: list[Operation] = field(default_factory=list)
    _spikes: dict[tuple[str, int], Map] = field(default_factory=dict)

    def add(self, layer: Operation, unit: Tensor | float = 1.0, zero: Tensor | float = 0.0) -> Map:
        """Any operation, and what one of its numbers stands for."""
        self.layers.append(layer)
        return Map(layer.name, unit, zero)

    def spikes(self, name: str, total: Sum, channels: int, most: int, scale: float) -> Map:
        """A NI-LIF neuron: `clip(round half even(total), 0, most)`, each level worth `scale`.

        Where neurons are held, it stands behind one of finer steps, which a dead zone holds. Such a step lies wholly on
        one side of each threshold, so without a dead zone the spikes are the same but at ties.
        """
        if self.held:
            steps = 2 * (min(FINER, LARGEST // most) // 2)
            fine = Sum(total.terms, total.bias - 0.5 / steps)  # rounded down: the middle of a step is half a step up
            finer = neuron(0, most * steps, holds=True)
            found = self.layer(f"{name}.held", fine, channels, finer, 1 / steps, 1 / steps)
            total = Sum(same(found).terms, 0.5 / steps)
        return self.layer(name, total, channels, neuron(0, most), scale=scale)

    def spikes_of(self, membrane: Map, channels: int, most: int, scale: float) -> Map:
        """The same of a membrane alone, once for all that read it."""
        key = (membrane.name, most)
        if key not in self._spikes:
            self._spikes[key] = self.spikes(f"{membrane.name}.spikes", same(membrane), channels, most, 1.0)
        return replace(self._spikes[key], unit=scale)

    def membrane(self, name: str, total: Sum, channels: int) -> Map:
        """A residue, or anything else that is added up or resized."""
        return self.layer(name, total, channels, neuron(gives=Kind.SUMS), STEP, STEP)

    def real(self, name: str, total: Sum, channels: int) -> Map:
        """A float32 read-out."""
        return self.layer(name, total, channels, neuron(gives=Kind.REAL))

    def wide(self, name: str, total: Sum, most: Tensor, bits: int = 8) -> tuple[Map, ...]:
        """Levels that add up to `total`, no number of which is larger than `most`, `[O]`; `bits` at least."""
        channels, unit = len(most), torch.where(most > 0, most, 1.0) / LARGEST
        upper = neuron(-LARGEST, LARGEST)
        found = self.layer(name, total, channels, upper, unit, unit)
        if max(bits, self.bits) == 8:
            return (found,)
        rest = neuron(-LARGEST, LARGEST)
        lower = self.layer(f"{name}.lower", total + same(found, gain=-1.0), channels, rest, unit / TWICE, unit / TWICE)
        return (found, lower)

    def layer(
        self,
        name: str,
        total: Sum,
        channels: int,
        like: Neuron,
        step: Tensor | float = 1.0,
        scale: Tensor | float | None = None,
    ) -> Map:
        """A neuron layer as `like`: a number stands for `step` of `total`, and for `scale` to its readers."""
        step = _by_channel(step, channels)
        bias = _by_channel(total.bias, channels)
        synapses: list[Synapse] = []
        for term in total.terms:
            made, shift = _synapses(term, channels, step, self.bits)
            synapses += made
            bias = bias - shift
        rounding = Rounding.HALF_EVEN
        parts = {"name": name, "synapses": tuple(synapses), "bias": (bias / step).float(), "rounding": rounding}
        layer = replace(like, **parts)  # type: ignore[arg-type]  # a dict of parts
        return self.add(layer, 1.0 if scale is None else scale)

    def network(self, **outputs: Map) -> IntegerNetwork:
        """With these outputs, the main one first, whose values have one unit each."""
        made = tuple(Output(name, found.name, _one_unit(found.unit)) for name, found in outputs.items())
        network = IntegerNetwork(tuple(self.layers), made)
        network.check()
        return network


def neuron(lo: int = -128, hi: int = 127, gives: Kind = Kind.LEVELS, *, holds: bool = False) -> Neuron:
    """Without name and synapses."""
    return Neuron("", (), torch.zeros(1), lo, hi, gives=gives, holds=holds)


def _synapses(term: Term, channels: int, step: Tensor, bits: int) -> tuple[list[Synapse], Tensor]:
    """Of one term; and what it brings too much, in real numbers `[O]`, where a level that is not 0 stands for 0."""
    source, gain = term.source, _by_channel(term.gain, channels)
    if term.weight is None:
        unit = _by_channel(source.unit, channels) * gain
        shift = unit * _by_channel(source.zero, channels)
        return [Synapse(source.name, None, (unit / step).float())], shift
    inputs = term.weight.shape[1] * term.groups
    weight = term.weight * gain.view(-1, 1, 1, 1) * _by_input(source.unit, inputs, channels, term.groups)
    parts, unit = quantised(weight, bits)
    kernel = weight.shape[2]
    window = POINTWISE
    if kernel > 1 or term.stride > 1:
        window = Window((kernel, kernel), (term.stride, term.stride), padding=(kernel // 2, kernel // 2))
    made = [Synapse(source.name, part, (unit * worth / step).float(), window, term.groups) for part, worth in parts]
    whole = sum(part.double() * worth for part, worth in parts)
    zero = _by_input(source.zero, inputs, channels, term.groups)
    return made, (whole * zero).sum((1, 2, 3)) * unit


def quantised(weight: Tensor, bits: int) -> tuple[list[tuple[Tensor, int]], Tensor]:
    """Whole weights, int8 `[O, ...]`, each with what it counts, whose sum times `unit` `[O]` is near `weight`."""
    most = LARGEST if bits == 8 else LARGEST * TWICE + LARGEST - 1  # or the upper one would be rounded up
    unit = weight.abs().amax((1, 2, 3)) / most
    unit = torch.where(unit > 0, unit, 1.0)
    whole = torch.round(weight / unit.view(-1, 1, 1, 1))
    if bits == 8:
        return [(whole.to(torch.int8), 1)], unit
    upper = torch.round(whole / TWICE)
    return [(upper.to(torch.int8), TWICE), ((whole - upper * TWICE).to(torch.int8), 1)], unit


def bounds(conv: Folded, largest: float) -> Tensor:
    """No result of a convolution of numbers from 0 to `largest` has a larger magnitude: float64 `[O]`."""
    weight = conv.weight.flatten(1)
    positive, negative = weight.clamp_min(0).sum(1), weight.clamp_max(0).sum(1)
    return torch.maximum((positive * largest + conv.bias).abs(), (negative * largest + conv.bias).abs())


def _by_channel(value: Tensor | float, channels: int) -> Tensor:
    return torch.as_tensor(value, dtype=torch.float64).expand(channels)


def _by_input(value: Tensor | float, inputs: int, outputs: int, groups: int) -> Tensor:
    """By input channel, laid over weights `[O, I / groups, kh, kw]`."""
    per_group = _by_channel(value, inputs).reshape(groups, 1, -1).expand(groups, outputs // groups, -1)
    return per_group.reshape(outputs, -1, 1, 1)


def _one_unit(unit: Tensor | float) -> Tensor | float:
    return unit.float() if isinstance(unit, Tensor) else unit
