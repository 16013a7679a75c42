"""From a float program and its ranges to the integer network: one function for each kind of layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from vistream.errors import VistreamError
from vistream.ir.graph import Piece
from vistream.ir.network import IntegerNetwork, Output
from vistream.ir.operations import (
    PIXEL_ZERO,
    Input,
    Island,
    Neuron,
    Operation,
    Synapse,
    TransposedConvolution,
)
from vistream.ir.value import Kind
from vistream.quantize.meaning import MEANING, Meaning, centred
from vistream.quantize.program import (
    FloatFixed,
    FloatInput,
    FloatIsland,
    FloatLayer,
    FloatNeuron,
    FloatTransposed,
    Program,
)
from vistream.quantize.ranges import Preprocess, Ranges, calibrate
from vistream.quantize.round_weights import on_levels, rounded
from vistream.quantize.scale import Scale
from vistream.quantize.scales import FULL, Levels, Weights, scales_of
from vistream.quantize.synapses import offset_of, synapses_of
from vistream.quantize.trace import trace
from vistream.types import Frame

RULES = 6
"""Of quantisation: raised whenever the same float network and frames come to other integers than before, so that what
was kept by older rules is not taken for what these make."""
READOUT = Scale(-128, 127, 1.0)  # of a sum that stays real: its numbers mean themselves


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
    means = {name: torch.tensor(found.means, dtype=torch.float64) for name, found in ranges.items() if found.means}
    converter = _Converter(preprocess, scales_of(program, ranges, levels, scales or {}), weights, real, means)
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
        self,
        preprocess: Preprocess,
        scales: Mapping[str, Scale],
        weights: Weights,
        real: frozenset[str],
        means: Mapping[str, Tensor],
    ) -> None:
        self.preprocess = preprocess
        self.scales = scales
        self.weights = weights
        self.real = real
        self.means = means
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
        return operation, centred(step.to(torch.float32))

    def island(self, layer: FloatIsland) -> tuple[Operation, Meaning]:
        reads = [self.meanings[source] for source in layer.reads]
        gains, offsets = tuple(read.gain for read in reads), tuple(read.offset for read in reads)
        one = torch.ones(layer.channels, dtype=torch.float32)
        piece = Piece(deepcopy(layer.piece))  # its weights are the user's, who may train on
        if layer.real:
            return Island(layer.name, layer.reads, piece, gains, offsets, gives=Kind.REAL), centred(one)
        scale = self.scales[layer.name]
        operation = Island(layer.name, layer.reads, piece, gains, offsets, scale.step, scale.lo, scale.hi)
        return operation, centred(one * scale.step)

    def neuron(self, layer: FloatNeuron) -> tuple[Operation, Meaning]:
        scale = READOUT if layer.name in self.real else self.scales[layer.name]
        bias = layer.sum.bias.to(torch.float64)
        synapses: list[Synapse] = []
        # What needs no weights comes first: kernels then add it where the sum of a convolution ends, instead of apart.
        for term in sorted(layer.sum.terms, key=lambda term: term.weight is not None):
            source = self.meanings[term.source]
            found, lost = synapses_of(term, source, scale.steps, self.weights, self.means.get(term.source))
            bias = bias + offset_of(term, source) + lost
            synapses += found
        levels = (bias / scale.steps + scale.shift).to(torch.float32)
        meaning = centred(scale.gains(layer.sum.channels))
        gives = Kind.REAL if scale is READOUT else Kind.LEVELS
        neuron = Neuron(layer.name, tuple(synapses), levels, scale.lo, scale.hi, scale.real, scale.table, gives=gives)
        return neuron, meaning


EMIT: dict[type[FloatLayer], Callable[[_Converter, Any], tuple[Operation, Meaning]]] = {
    FloatInput: _Converter.input,
    FloatNeuron: _Converter.neuron,
    FloatFixed: _Converter.fixed,
    FloatTransposed: _Converter.transposed,
    FloatIsland: _Converter.island,
}
