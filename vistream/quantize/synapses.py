"""A float term as the synapses that bring its charge, and what the bias must give for it."""

from __future__ import annotations

import torch
from torch import Tensor

from vistream.ir.operations import Synapse
from vistream.quantize.meaning import Meaning
from vistream.quantize.program import Term
from vistream.quantize.round_weights import halves, on_levels, rounded
from vistream.quantize.scales import Weights


def synapses_of(
    term: Term, source: Meaning, step: float | Tensor, weights: Weights, mean: Tensor | None
) -> tuple[list[Synapse], float | Tensor]:
    """A term as synapses of a layer with levels of `step`: one, or two where weights have two bytes.

    Beside them what rounding the weights takes from the pre-activation, float64 `[O]`, where the source has its `mean`,
    float64 `[C]`, everywhere. Without that shift of every channel the rounding of small kernels costs several times
    less, and the bias can give it back (Nagel et al., ICCV 2019, section 4.2). 0 where the mean is not known.
    """
    if term.weight is None:
        multiplier = term.gain * source.gain / step
        return [Synapse(term.source, None, multiplier.to(torch.float32), term.window)], 0.0
    weight = on_levels(term.weight * term.gain[:, None, None, None], source.gain, term.groups)
    parts = [rounded(weight)] if weights is Weights.INT8 else halves(weight)
    found = [
        Synapse(term.source, integer, (unit / step).to(torch.float32), term.window, term.groups)
        for integer, unit in parts
    ]
    if mean is None:
        return found, 0.0
    for integer, unit in parts:
        weight = weight - integer.to(torch.float64) * unit[:, None, None, None]
    return found, _applied(weight, (mean - source.offset) / source.gain, term.groups)


def offset_of(term: Term, source: Meaning) -> Tensor:
    """What the source's offset adds to the pre-activation, float64 `[O]`."""
    offset = source.offset.to(torch.float64)
    if term.weight is None:
        return offset * term.gain
    return _applied(term.weight.to(torch.float64), offset, term.groups) * term.gain


def _applied(weight: Tensor, values: Tensor, groups: int) -> Tensor:
    """The convolution of a map that has the same `values` `[I]` everywhere: `[O]`."""
    outputs, per_group = weight.shape[:2]
    spread = values.reshape(groups, 1, per_group).expand(-1, outputs // groups, -1)
    return (weight.sum((2, 3)) * spread.reshape(outputs, per_group)).sum(1)
