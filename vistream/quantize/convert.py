"""From a float program and its ranges to the integer network: scales are decided here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vistream.errors import VistreamError
from vistream.ir.layers import (
    PIXEL_ZERO,
    Concat,
    Input,
    IntegerNetwork,
    Layer,
    MaxPool,
    Neuron,
    Synapse,
    Upsample,
)
from vistream.quantize.program import FloatInput, FloatMove, FloatNeuron, Program, Term
from vistream.quantize.ranges import Preprocess, Ranges, calibrate
from vistream.quantize.trace import trace
from vistream.types import Frame

SMALLEST = 1e-6  # a layer that is silent on every calibration frame still needs a scale


@dataclass(frozen=True, slots=True)
class Levels:
    """The largest level of a neuron behind a ReLU (0..`unsigned`) and of one without (-`signed`..`signed`)."""

    unsigned: int = 127
    signed: int = 63


@dataclass(frozen=True, slots=True)
class _Value:
    """What the levels of a settled layer mean: `gain * level + offset` per channel."""

    gain: Tensor
    offset: Tensor
    nonnegative: bool


def quantize(
    model: nn.Module,
    frames: Iterable[Frame],
    preprocess: Preprocess,
    levels: Levels = Levels(),
) -> IntegerNetwork:
    """The integer network of a float `model`, calibrated on `frames` (uint8 `[H, W, C]`, RGB)."""
    program = trace(model, len(preprocess.mean))
    return convert(program, calibrate(program, frames, preprocess), preprocess, levels)


def convert(
    program: Program,
    ranges: Ranges,
    preprocess: Preprocess,
    levels: Levels = Levels(),
    scales: Mapping[str, float] | None = None,
) -> IntegerNetwork:
    """The integer network of a program.

    A neuron layer takes its scale from `scales` (by the name of its activation) where that has it, else from `ranges`.
    Raises VistreamError where a layer has neither.
    """
    bounds = _bounds(program, ranges, levels, scales or {})
    layers: list[Layer] = []
    values: dict[str, _Value] = {}
    for layer in program.layers:
        if isinstance(layer, FloatInput):
            std = torch.tensor(preprocess.std)
            values[layer.name] = _Value(1.0 / std, (PIXEL_ZERO - torch.tensor(preprocess.mean)) / std, False)
            layers.append(Input(layer.name, layer.channels))
        elif isinstance(layer, FloatNeuron):
            lo, hi, scale = bounds[layer.name]
            layers.append(_neuron(layer, values, lo, hi, scale))
            channels = layer.sum.channels
            values[layer.name] = _Value(torch.full((channels,), scale), torch.zeros(channels), lo == 0)
        else:
            layers.append(_move(layer))
            parts = [values[source] for source in layer.sources]
            values[layer.name] = _Value(
                torch.cat([part.gain for part in parts]),
                torch.cat([part.offset for part in parts]),
                all(part.nonnegative for part in parts),
            )
    (output,) = program.outputs.values()
    assert output == layers[-1].name
    return IntegerNetwork(tuple(layers), float(values[output].gain[0]), dict(program.channels))


def _neuron(layer: FloatNeuron, values: dict[str, _Value], lo: int, hi: int, scale: float) -> Neuron:
    bias = layer.sum.bias.to(torch.float64)
    synapses = []
    # What needs no weights comes first: kernels then add it where the sum of a convolution ends, instead of apart.
    for term in sorted(layer.sum.terms, key=lambda term: term.weight is not None):
        source = values[term.source]
        bias = bias + _offset(term, source)
        synapses.append(_synapse(term, source, scale))
    return Neuron(layer.name, tuple(synapses), (bias / scale).to(torch.float32), lo, hi, scale)


def _synapse(term: Term, source: _Value, scale: float) -> Synapse:
    if term.weight is None:
        multiplier = term.gain * source.gain / scale
        return Synapse(term.source, None, multiplier.to(torch.float32), term.window)
    weight = _effective(term, source)
    step = weight.abs().amax((1, 2, 3)).clamp_min(torch.finfo(torch.float32).tiny) / 127
    integer = torch.round(weight / step[:, None, None, None]).clamp(-127, 127).to(torch.int8)
    return Synapse(term.source, integer, (step / scale).to(torch.float32), term.window, term.groups)


def _effective(term: Term, source: _Value) -> Tensor:
    """The weight that acts on levels: `[O, I / groups, kh, kw]`, float64."""
    assert term.weight is not None
    outputs, per_group = term.weight.shape[:2]
    gain = source.gain.reshape(term.groups, 1, per_group)
    gain = gain.expand(-1, outputs // term.groups, -1).reshape(outputs, per_group, 1, 1)
    return (term.weight * term.gain[:, None, None, None]).to(torch.float64) * gain


def _offset(term: Term, source: _Value) -> Tensor:
    """What the source's offset adds to the pre-activation (away from the border), float64 `[O]`."""
    offset = source.offset.to(torch.float64)
    if term.weight is None:
        return offset * term.gain
    outputs, per_group = term.weight.shape[:2]
    spread = offset.reshape(term.groups, 1, per_group).expand(-1, outputs // term.groups, -1)
    total = term.weight.to(torch.float64).sum((2, 3)) * spread.reshape(outputs, per_group)
    return total.sum(1) * term.gain


def _move(layer: FloatMove) -> Layer:
    if layer.window is not None:
        return MaxPool(layer.name, layer.sources[0], layer.window)
    if layer.factor is not None:
        return Upsample(layer.name, layer.sources[0], layer.factor)
    return Concat(layer.name, layer.sources)


def _bounds(
    program: Program, ranges: Ranges, levels: Levels, scales: Mapping[str, float]
) -> dict[str, tuple[int, int, float]]:
    """(lo, hi, scale) of every neuron layer; layers that meet in a concat get the largest of their scales."""
    unsigned = _unsigned(program)
    bounds: dict[str, tuple[int, int, float]] = {}
    for layer in program.layers:
        if not isinstance(layer, FloatNeuron):
            continue
        lo, hi = (0, levels.unsigned) if layer.name in unsigned else (-levels.signed, levels.signed)
        if layer.activation in scales:
            scale = scales[layer.activation]
        elif layer.name in ranges:
            low, high = ranges[layer.name]
            scale = max(high / hi, low / lo if lo else 0.0, SMALLEST)
        else:
            raise VistreamError(
                f"the calibration knows no layer {layer.name}: make one for this network with vistream calibrate"
            )
        bounds[layer.name] = (lo, hi, scale)
    for group in _concat_groups(program):
        shared = max(bounds[name][2] for name in group)
        bounds.update({name: (bounds[name][0], bounds[name][1], shared) for name in group})
    for layer in program.layers:
        if isinstance(layer, FloatNeuron) and layer.clip is not None:
            lo, hi, scale = bounds[layer.name]
            lo, hi = max(lo, _level(layer.clip[0], scale, lo)), min(hi, _level(layer.clip[1], scale, hi))
            bounds[layer.name] = (lo, hi, scale)
    return bounds


def _level(value: float, scale: float, unbounded: int) -> int:
    return unbounded if abs(value) == float("inf") else round(value / scale)


def _unsigned(program: Program) -> set[str]:
    """The layers that can't be negative: clipped at 0, or sums of such without weights of either sign."""
    found: set[str] = set()
    for layer in program.layers:
        if isinstance(layer, FloatMove) and all(source in found for source in layer.sources):
            found.add(layer.name)
        elif isinstance(layer, FloatNeuron):
            sums = bool((layer.sum.bias >= 0).all()) and all(
                term.source in found and bool((term.gain >= 0).all())
                and (term.weight is None or bool((term.weight >= 0).all()))
                for term in layer.sum.terms
            )  # fmt: skip
            if sums or (layer.clip is not None and layer.clip[0] == 0.0):
                found.add(layer.name)
    return found


def _concat_groups(program: Program) -> list[set[str]]:
    """Sets of neuron layers whose levels meet in some concat, directly or through pooling and up-sampling."""
    roots: dict[str, set[str]] = {}
    groups: list[set[str]] = []
    for layer in program.layers:
        if isinstance(layer, FloatMove):
            roots[layer.name] = set().union(*(roots[source] for source in layer.sources))
            if layer.window is None and layer.factor is None:
                group = set(roots[layer.name])
                for other in [other for other in groups if other & group]:
                    groups.remove(other)
                    group |= other
                groups.append(group)
        else:
            roots[layer.name] = {layer.name}
    return groups
