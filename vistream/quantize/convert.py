"""From a float program and its ranges to the integer network: one function for each kind of layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vistream.ir.network import IntegerNetwork, Output
from vistream.ir.operations import PIXEL_ZERO, Concat, Input, MaxPool, Neuron, Operation, Synapse, Upsample
from vistream.quantize.program import FloatInput, FloatLayer, FloatMove, FloatNeuron, Program, Term
from vistream.quantize.ranges import Preprocess, Ranges, calibrate
from vistream.quantize.scales import FULL, Levels, Scale, scales_of
from vistream.quantize.trace import trace
from vistream.types import Frame


@dataclass(frozen=True, slots=True, eq=False)
class Meaning:
    """What the levels of a layer mean: `gain * level + offset` by channel, float32 `[C]` each."""

    gain: Tensor
    offset: Tensor


def quantize(
    model: nn.Module,
    frames: Iterable[Frame],
    preprocess: Preprocess,
    levels: Levels = FULL,
) -> IntegerNetwork:
    """The integer network of a float `model`, calibrated on `frames` (uint8 `[H, W, C]`, RGB)."""
    program = trace(model, len(preprocess.mean))
    return convert(program, calibrate(program, frames, preprocess), preprocess, levels)


def convert(
    program: Program,
    ranges: Ranges,
    preprocess: Preprocess,
    levels: Levels = FULL,
    scales: Mapping[str, float] | None = None,
) -> IntegerNetwork:
    """The integer network of a program.

    A neuron layer takes its scale from `scales` (by the name of its activation) where that has it, else from `ranges`.
    Raises VistreamError where a layer has neither.
    """
    converter = _Converter(preprocess, scales_of(program, ranges, levels, scales or {}))
    layers = [converter.take(layer) for layer in program.layers]
    outputs = [Output(name, source, converter.output_scale(source)) for name, source in program.outputs.items()]
    return IntegerNetwork(tuple(layers), tuple(outputs))


class _Converter:
    def __init__(self, preprocess: Preprocess, scales: Mapping[str, Scale]) -> None:
        self.preprocess = preprocess
        self.scales = scales
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
        mean, std = (torch.tensor(v, dtype=torch.float32) for v in (self.preprocess.mean, self.preprocess.std))
        return Input(layer.name, layer.channels), Meaning(1.0 / std, (PIXEL_ZERO - mean) / std)

    def move(self, layer: FloatMove) -> tuple[Operation, Meaning]:
        parts = [self.meanings[source] for source in layer.sources]
        meaning = Meaning(torch.cat([part.gain for part in parts]), torch.cat([part.offset for part in parts]))
        if layer.window is not None:
            return MaxPool(layer.name, layer.sources[0], layer.window), meaning
        if layer.factor is not None:
            return Upsample(layer.name, layer.sources[0], layer.factor), meaning
        return Concat(layer.name, layer.sources), meaning

    def neuron(self, layer: FloatNeuron) -> tuple[Operation, Meaning]:
        scale = self.scales[layer.name]
        bias = layer.sum.bias.to(torch.float64)
        synapses = []
        # What needs no weights comes first: kernels then add it where the sum of a convolution ends, instead of apart.
        for term in sorted(layer.sum.terms, key=lambda term: term.weight is not None):
            source = self.meanings[term.source]
            bias = bias + _offset(term, source)
            synapses.append(_synapse(term, source, scale.step))
        levels = (bias / scale.step + scale.shift).to(torch.float32)
        channels = layer.sum.channels
        meaning = Meaning(torch.full((channels,), scale.real, dtype=torch.float32), torch.zeros(channels))
        neuron = Neuron(layer.name, tuple(synapses), levels, scale.lo, scale.hi, scale.real, scale.table)
        return neuron, meaning


def _synapse(term: Term, source: Meaning, scale: float) -> Synapse:
    if term.weight is None:
        multiplier = term.gain * source.gain / scale
        return Synapse(term.source, None, multiplier.to(torch.float32), term.window)
    weight = _effective(term, source)
    step = weight.abs().amax((1, 2, 3)).clamp_min(torch.finfo(torch.float32).tiny) / 127
    integer = torch.round(weight / step[:, None, None, None]).clamp(-127, 127).to(torch.int8)
    return Synapse(term.source, integer, (step / scale).to(torch.float32), term.window, term.groups)


def _effective(term: Term, source: Meaning) -> Tensor:
    """The weight that acts on levels: `[O, I / groups, kh, kw]`, float64."""
    assert term.weight is not None
    outputs, per_group = term.weight.shape[:2]
    gain = source.gain.reshape(term.groups, 1, per_group)
    gain = gain.expand(-1, outputs // term.groups, -1).reshape(outputs, per_group, 1, 1)
    return (term.weight * term.gain[:, None, None, None]).to(torch.float64) * gain


def _offset(term: Term, source: Meaning) -> Tensor:
    """What the source's offset adds to the pre-activation, float64 `[O]`."""
    offset = source.offset.to(torch.float64)
    if term.weight is None:
        return offset * term.gain
    outputs, per_group = term.weight.shape[:2]
    spread = offset.reshape(term.groups, 1, per_group).expand(-1, outputs // term.groups, -1)
    total = term.weight.to(torch.float64).sum((2, 3)) * spread.reshape(outputs, per_group)
    return total.sum(1) * term.gain


EMIT: dict[type[FloatLayer], Callable[[_Converter, Any], tuple[Operation, Meaning]]] = {
    FloatInput: _Converter.input,
    FloatNeuron: _Converter.neuron,
    FloatMove: _Converter.move,
}
