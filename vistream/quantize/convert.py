"""From a float program and its ranges to the integer network: one function for each kind of layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from vistream.errors import VistreamError
from vistream.ir.graph import Piece
from vistream.ir.network import IntegerNetwork, Output
from vistream.ir.operations import (
    PIXEL_ZERO,
    AveragePool,
    Bilinear,
    Concat,
    Input,
    Island,
    Neuron,
    Operation,
    PickChannels,
    PixelShuffle,
    PixelUnshuffle,
    Product,
    Synapse,
    TransposedConvolution,
)
from vistream.ir.value import Kind
from vistream.quantize.program import (
    FloatFixed,
    FloatInput,
    FloatIsland,
    FloatLayer,
    FloatNeuron,
    FloatTransposed,
    Program,
    Term,
)
from vistream.quantize.ranges import Preprocess, Ranges, calibrate
from vistream.quantize.round_weights import halves, on_levels, rounded
from vistream.quantize.scales import FULL, Levels, Scale, Weights, scales_of
from vistream.quantize.trace import trace
from vistream.types import Frame

READOUT = Scale(-128, 127, 1.0)  # of a sum that stays real: its numbers mean themselves


@dataclass(frozen=True, slots=True, eq=False)
class Meaning:
    """What the levels of a layer mean: `gain * level + offset` by channel, float32 `[C]` each.

    `zero`: the level that lies outside the map and stands for 0 as well as a level can.
    """

    gain: Tensor
    offset: Tensor
    zero: int | Tensor = 0

    @property
    def centred(self) -> Meaning:
        """Of the levels minus their zero."""
        return Meaning(self.gain, self.offset + self.gain * self.zero)


def quantize(
    model: nn.Module,
    frames: Iterable[Frame],
    preprocess: Preprocess,
    levels: Levels = FULL,
) -> IntegerNetwork:
    """The integer network of a float `model`, calibrated on `frames` (uint8 `[H, W, C]`, RGB).

    Raises VistreamError where there is no frame, or for what no integer network can do.
    """
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise VistreamError("calibration needs at least one frame")
    program = trace(model, len(preprocess.mean), first.shape[:2])
    return convert(program, calibrate(program, chain([first], frames), preprocess), preprocess, levels)


def convert(
    program: Program,
    ranges: Ranges,
    preprocess: Preprocess,
    levels: Levels = FULL,
    scales: Mapping[str, float] | None = None,
    weights: Weights = Weights.INT8,
) -> IntegerNetwork:
    """The integer network of a program.

    A neuron layer takes its scale from `scales` (by the name of its activation) where that has it, else from `ranges`.
    Raises VistreamError where a layer has neither.
    """
    return converted(program, ranges, preprocess, levels, scales, weights)[0]


def converted(
    program: Program,
    ranges: Ranges,
    preprocess: Preprocess,
    levels: Levels = FULL,
    scales: Mapping[str, float] | None = None,
    weights: Weights = Weights.INT8,
    read_out: bool = False,
) -> tuple[IntegerNetwork, dict[str, Meaning]]:
    """As `convert`; beside the network, what the numbers of every layer mean.

    `read_out`: an output that is a plain sum, and that no other layer reads, gives real numbers instead of levels.
    """
    real = _last_sums(program) if read_out else frozenset()
    converter = _Converter(preprocess, scales_of(program, ranges, levels, scales or {}), weights, real)
    layers = [converter.take(layer) for layer in program.layers]
    outputs = [
        Output(name, output.layer, converter.output_scale(output.layer), output.shape)
        for name, output in program.outputs.items()
    ]
    return IntegerNetwork(tuple(layers), tuple(outputs)), converter.meanings


def _last_sums(program: Program) -> frozenset[str]:
    """The outputs that are neuron layers without an activation, and are read by no layer."""
    read = {source for layer in program.layers for source in layer.sources}
    plain = {
        layer.name
        for layer in program.layers
        if isinstance(layer, FloatNeuron) and layer.root is None and layer.clip is None
    }
    return frozenset({output.layer for output in program.outputs.values()} & (plain - read))


class _Converter:
    def __init__(
        self, preprocess: Preprocess, scales: Mapping[str, Scale], weights: Weights, real: frozenset[str]
    ) -> None:
        self.preprocess = preprocess
        self.scales = scales
        self.weights = weights
        self.real = real
        self.meanings: dict[str, Meaning] = {}

    def take(self, layer: FloatLayer) -> Operation:
        """The operation for a layer."""
        operation, self.meanings[layer.name] = EMIT[type(layer)](self, layer)
        return operation

    def output_scale(self, name: str) -> float | Tensor:
        """The real value of one level: one number where all channels have the same."""
        gain = self.meanings[name].gain
        return float(gain[0]) if bool((gain == gain[0]).all()) else gain

    def input(self, layer: FloatInput) -> tuple[Operation, Meaning]:
        """Outside the frame lies the mean colour, as a whole number: what zero padding means to the float network."""
        mean, std = (torch.tensor(v, dtype=torch.float32) for v in (self.preprocess.mean, self.preprocess.std))
        outside = mean.round().clamp(0, 255).to(torch.int32)
        offset = tuple(outside.tolist())
        return Input(layer.name, layer.channels, offset), Meaning(
            1.0 / std, (PIXEL_ZERO - mean) / std, outside - PIXEL_ZERO
        )

    def fixed(self, layer: FloatFixed) -> tuple[Operation, Meaning]:
        operation = layer.operation
        parts = [self.meanings[source] for source in operation.sources]
        mean = MEANING.get(type(operation))
        return operation, parts[0] if mean is None else mean(operation, parts)

    def transposed(self, layer: FloatTransposed) -> tuple[Operation, Meaning]:
        source = self.meanings[layer.source]
        integer, step = rounded(on_levels(layer.weight, source.gain, layer.groups))
        operation = TransposedConvolution(
            layer.name, layer.source, integer, layer.stride, layer.before, layer.after, layer.dilation, layer.groups
        )
        return operation, _centred(step.to(torch.float32))

    def island(self, layer: FloatIsland) -> tuple[Operation, Meaning]:
        reads = [self.meanings[source] for source in layer.reads]
        gains, offsets = tuple(read.gain for read in reads), tuple(read.offset for read in reads)
        one, piece = torch.ones(layer.channels, dtype=torch.float32), Piece(layer.piece)
        if layer.real:
            return Island(layer.name, layer.reads, piece, gains, offsets, gives=Kind.REAL), _centred(one)
        scale = self.scales[layer.name]
        operation = Island(layer.name, layer.reads, piece, gains, offsets, scale.step, scale.lo, scale.hi)
        return operation, _centred(one * scale.step)

    def neuron(self, layer: FloatNeuron) -> tuple[Operation, Meaning]:
        scale = READOUT if layer.name in self.real else self.scales[layer.name]
        bias = layer.sum.bias.to(torch.float64)
        synapses: list[Synapse] = []
        # What needs no weights comes first: kernels then add it where the sum of a convolution ends, instead of apart.
        for term in sorted(layer.sum.terms, key=lambda term: term.weight is not None):
            source = self.meanings[term.source]
            bias = bias + _offset(term, source)
            synapses += _synapses(term, source, scale.step, self.weights)
        levels = (bias / scale.step + scale.shift).to(torch.float32)
        channels = layer.sum.channels
        meaning = Meaning(torch.full((channels,), scale.real, dtype=torch.float32), torch.zeros(channels))
        gives = Kind.REAL if scale is READOUT else Kind.LEVELS
        neuron = Neuron(layer.name, tuple(synapses), levels, scale.lo, scale.hi, scale.real, scale.table, gives=gives)
        return neuron, meaning


def _synapses(term: Term, source: Meaning, scale: float, weights: Weights) -> list[Synapse]:
    """A term as what brings its charge: one synapse, or two where its weights have two bytes, upper and lower."""
    if term.weight is None:
        multiplier = term.gain * source.gain / scale
        return [Synapse(term.source, None, multiplier.to(torch.float32), term.window)]
    weight = on_levels(term.weight * term.gain[:, None, None, None], source.gain, term.groups)
    parts = [rounded(weight)] if weights is Weights.INT8 else halves(weight)
    return [
        Synapse(term.source, integer, (step / scale).to(torch.float32), term.window, term.groups)
        for integer, step in parts
    ]


def _offset(term: Term, source: Meaning) -> Tensor:
    """What the source's offset adds to the pre-activation, float64 `[O]`."""
    offset = source.offset.to(torch.float64)
    if term.weight is None:
        return offset * term.gain
    outputs, per_group = term.weight.shape[:2]
    spread = offset.reshape(term.groups, 1, per_group).expand(-1, outputs // term.groups, -1)
    total = term.weight.to(torch.float64).sum((2, 3)) * spread.reshape(outputs, per_group)
    return total.sum(1) * term.gain


def _centred(gain: Tensor) -> Meaning:
    """Of numbers of which 0 means 0."""
    return Meaning(gain, torch.zeros_like(gain))


def _concat(operation: Concat, parts: Sequence[Meaning]) -> Meaning:
    return Meaning(torch.cat([part.gain for part in parts]), torch.cat([part.offset for part in parts]))


def _picked(operation: PickChannels, parts: Sequence[Meaning]) -> Meaning:
    channels = list(operation.channels)
    return Meaning(parts[0].gain[channels], parts[0].offset[channels])


def _blocks(operation: PixelShuffle, parts: Sequence[Meaning]) -> Meaning:
    return Meaning(parts[0].gain[:: operation.factor**2], parts[0].offset[:: operation.factor**2])


def _unblocked(operation: PixelUnshuffle, parts: Sequence[Meaning]) -> Meaning:
    block = operation.factor**2
    return Meaning(parts[0].gain.repeat_interleave(block), parts[0].offset.repeat_interleave(block))


MEANING: dict[type[Operation], Callable[[Any, Sequence[Meaning]], Meaning]] = {
    Concat: _concat,
    PickChannels: _picked,
    PixelShuffle: _blocks,
    PixelUnshuffle: _unblocked,
    AveragePool: lambda _, parts: parts[0].centred,
    Bilinear: lambda _, parts: parts[0].centred,
    Product: lambda _, parts: _centred(parts[0].gain * parts[1].gain),
}
"""What the numbers mean that an operation makes; where it has no entry, they mean what they meant."""

EMIT: dict[type[FloatLayer], Callable[[_Converter, Any], tuple[Operation, Meaning]]] = {
    FloatInput: _Converter.input,
    FloatNeuron: _Converter.neuron,
    FloatFixed: _Converter.fixed,
    FloatTransposed: _Converter.transposed,
    FloatIsland: _Converter.island,
}
