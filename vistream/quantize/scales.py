"""Which levels a neuron layer has, and what one of them means: decided here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor

from vistream.errors import VistreamError
from vistream.quantize.pointwise import apply
from vistream.quantize.program import FloatFixed, FloatIsland, FloatNeuron, Program
from vistream.quantize.ranges import Ranges, before_table

SMALLEST = 1e-6  # a layer that is silent on every calibration frame still needs a scale
LOWEST, STEPS = -128, 255  # what a table is looked up by: 256 levels, 255 steps from the first to the last


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
    signed: int = 63


FULL = Levels()


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """A neuron layer's levels `lo`..`hi` of `step` each.

    With a `table`, int8 `[256]`, these are what it is looked up by; it gives levels of `gives` each. `zero`: the real
    value of level 0 before the table, as a number of steps to be added.
    """

    lo: int
    hi: int
    step: float
    table: Tensor | None = None
    gives: float = 0.0
    shift: float = 0.0

    @property
    def real(self) -> float:
        """The real value of one level of the layer's output."""
        return self.step if self.table is None else self.gives


def scales_of(program: Program, ranges: Ranges, levels: Levels, given: Mapping[str, float]) -> dict[str, Scale]:
    """The scale of every neuron layer and island.

    It comes from `given` (by the name of the activation) where that has it, else from `ranges`. Raises VistreamError
    where a layer has neither.
    """
    unsigned = _unsigned(program)
    scales: dict[str, Scale] = {}
    for layer in program.layers:
        if isinstance(layer, FloatIsland) and not layer.real:
            low, high = _range(ranges, layer.name)
            lo = 0 if low >= 0.0 else -levels.unsigned
            scales[layer.name] = Scale(lo, levels.unsigned, max(high, -low, SMALLEST) / levels.unsigned)
        if not isinstance(layer, FloatNeuron):
            continue
        if layer.root is not None:
            scales[layer.name] = _table(program, layer, _range(ranges, before_table(layer.name)), levels)
            continue
        lo, hi = (0, levels.unsigned) if layer.name in unsigned else (-levels.signed, levels.signed)
        if layer.activation in given:
            step = given[layer.activation]
        else:
            low, high = _range(ranges, layer.name)
            step = max(high / hi, low / lo if lo else 0.0, SMALLEST)
        if layer.clip is not None:
            lo, hi = max(lo, _level(layer.clip[0], step, lo)), min(hi, _level(layer.clip[1], step, hi))
        scales[layer.name] = Scale(lo, hi, step)
    return scales


def _range(ranges: Ranges, name: str) -> tuple[float, float]:
    if name not in ranges:
        raise VistreamError(f"the calibration knows no layer {name}: make one for this network with vistream calibrate")
    return ranges[name]


def _table(program: Program, layer: FloatNeuron, bounds: tuple[float, float], levels: Levels) -> Scale:
    """256 levels over the range of the sum, and what the elementwise function makes of them."""
    low, high = bounds
    step = max((high - low) / STEPS, SMALLEST)
    assert layer.root is not None
    looked_up = low + step * torch.arange(STEPS + 1, dtype=torch.float32)
    reached = apply(program.graph, layer.root, layer.node, looked_up)
    if not bool(reached.isfinite().all()):
        raise VistreamError(f"layer {layer.name} is not finite between {low:.4g} and {high:.4g}")
    gives = max(float(reached.abs().max()) / levels.unsigned, SMALLEST)
    table = torch.round(reached / gives).clamp(-levels.unsigned, levels.unsigned).to(torch.int8)
    return Scale(LOWEST, LOWEST + STEPS, step, table, gives, LOWEST - low / step)


def _level(value: float, scale: float, unbounded: int) -> int:
    return unbounded if abs(value) == float("inf") else round(value / scale)


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
