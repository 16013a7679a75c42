"""Which levels a neuron layer has, and what one of them means: decided here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial

from vistream.errors import VistreamError
from vistream.ir.operations import PixelShuffle
from vistream.quantize.pointwise import apply
from vistream.quantize.program import FloatFixed, FloatIsland, FloatNeuron, Program
from vistream.quantize.ranges import Range, Ranges, before_table
from vistream.quantize.scale import Scale, audible, shares_of, step_for
from vistream.quantize.tables import table_scale


class Weights(Enum):
    """How many bits a weight has. `INT16` is two products of 8 bits, hence twice the work, with the errors of 16."""

    INT8 = "int8"
    INT16 = "int16"


def weights_called(name: str) -> Weights:
    """The kind of weights of that name; raises VistreamError where there is none."""
    try:
        return Weights(name)
    except ValueError:
        raise VistreamError(f"weights are int8 or int16, not {name!r}") from None


@dataclass(frozen=True, slots=True)
class Levels:
    """The largest level of a neuron behind a ReLU (0..`unsigned`) and of one without (-`signed`..`signed`)."""

    unsigned: int = 127
    signed: int = 127


FULL = Levels()


def scales_of(program: Program, ranges: Ranges, levels: Levels, given: Mapping[str, float]) -> dict[str, Scale]:
    """The scale of every neuron layer and island.

    It comes from `given` (by the name of the activation) where that has it, else from `ranges`. Raises VistreamError
    where a layer has neither.
    """
    unsigned, alike = _unsigned(program), _alike(program)
    scales: dict[str, Scale] = {}
    for layer in program.layers:
        if isinstance(layer, FloatIsland) and not layer.real:
            found = _range(ranges, layer.name)
            lo = 0 if found.low >= 0.0 else -levels.unsigned
            step = audible(max(found.high, -found.low) / levels.unsigned)
            scales[layer.name] = Scale(lo, levels.unsigned, step)
        elif isinstance(layer, FloatNeuron) and layer.root is not None:
            function = partial(apply, program.graph, layer.root, layer.node)
            found = _range(ranges, before_table(layer.name))
            scales[layer.name] = table_scale(
                layer.name, function, found, levels.unsigned, by_channel=layer.name not in alike
            )
        elif isinstance(layer, FloatNeuron):
            ends = (0, levels.unsigned) if layer.name in unsigned else (-levels.signed, levels.signed)
            if layer.activation in given:
                scales[layer.name] = _clipped(layer, Scale(*ends, given[layer.activation]))
                continue
            found = _range(ranges, layer.name)
            step = step_for(found.low, found.high, *ends)
            shares = None if layer.name in alike else shares_of(found, step, *ends)
            scales[layer.name] = _clipped(layer, Scale(*ends, step, shares=shares))
    return scales


def _range(ranges: Ranges, name: str) -> Range:
    if name not in ranges:
        raise VistreamError(f"the calibration knows no layer {name}: make one for this network with vistream calibrate")
    return ranges[name]


def _clipped(layer: FloatNeuron, scale: Scale) -> Scale:
    """With the bounds of the layer's activation; where these are levels within the layer's own, for all channels."""
    if layer.clip is None:
        return scale
    lo = max(scale.lo, _level(layer.clip[0], scale.step, scale.lo))
    hi = min(scale.hi, _level(layer.clip[1], scale.step, scale.hi))
    return scale if (lo, hi) == (scale.lo, scale.hi) else Scale(lo, hi, scale.step)


def _level(value: float, scale: float, unbounded: int) -> int:
    return unbounded if abs(value) == float("inf") else round(value / scale)


def _alike(program: Program) -> set[str]:
    """The layers whose channels have steps of one size: outputs, and what a `PixelShuffle` makes one channel of."""
    found = {output.layer for output in program.outputs.values()}
    for layer in reversed(program.layers):
        moves = isinstance(layer, FloatFixed) and (layer.name in found or isinstance(layer.operation, PixelShuffle))
        if moves:
            found.update(layer.sources)
    return found


def _unsigned(program: Program) -> set[str]:
    """The layers that can't be negative: clipped at 0, or sums of such without weights of either sign."""
    found: set[str] = set()
    for layer in program.layers:
        if isinstance(layer, FloatFixed) and all(source in found for source in layer.sources):
            found.add(layer.name)
        elif isinstance(layer, FloatNeuron) and layer.root is None:
            sums = bool((layer.sum.bias >= 0).all()) and all(
                term.source in found and bool((term.gain >= 0).all())
                and (term.weight is None or bool((term.weight >= 0).all()))
                for term in layer.sum.terms
            )  # fmt: skip
            if sums or (layer.clip is not None and layer.clip[0] == 0.0):
                found.add(layer.name)
    return found
