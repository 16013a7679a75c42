"""The scale of a neuron layer that ends in any elementwise function: a table, looked up by the levels of its sum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from vistream.errors import VistreamError
from vistream.quantize.ranges import Range
from vistream.quantize.scale import SMALLEST, Scale, shares_of, step_for

LOWEST, STEPS = -128, 255  # what a table is looked up by: 256 levels, 255 steps from the first to the last
HIGHEST = LOWEST + STEPS
TRIED = 4096  # values of the sum, over its range

Function = Callable[[Tensor], Tensor]
"""Of float32 `[N]`, element by element."""


def table_scale(name: str, function: Function, found: Range, largest: int, by_channel: bool) -> Scale:
    """The scale of layer `name` whose sum has the range `found`; levels behind the table are at most `largest`.

    `by_channel`: channels may have steps of their own; they do where the function is that of a ReLU's kin, with
    `f(k z) = k f(z)` for `k > 0`, so that one table serves all. Raises VistreamError where a value is not finite.
    """
    spread = _table(name, function, max((found.high - found.low) / STEPS, SMALLEST), found.low, largest)
    if not found.lows:
        return spread
    step = step_for(found.low, found.high, LOWEST, largest)
    around_zero = _table(name, function, step, LOWEST * step, largest)
    scale = min((spread, around_zero), key=lambda table: _error(table, function, found))
    z = torch.linspace(found.low, found.high, TRIED)
    if not by_channel or not torch.allclose(function(z / 2), function(z) / 2):
        return scale
    return replace(scale, shares=shares_of(found, scale.step, LOWEST - scale.shift, HIGHEST - scale.shift))


def _table(name: str, function: Function, step: float, low: float, largest: int) -> Scale:
    """The table whose levels begin at `low`."""
    reached = function(low + step * torch.arange(STEPS + 1, dtype=torch.float32))
    if not bool(reached.isfinite().all()):
        raise VistreamError(f"layer {name} is not finite between {low:.4g} and {low + STEPS * step:.4g}")
    gives = max(float(reached.abs().max()) / largest, SMALLEST)
    table = torch.round(reached / gives).clamp(-largest, largest).to(torch.int8)
    return Scale(LOWEST, HIGHEST, step, table, gives, LOWEST - low / step)


def _error(scale: Scale, function: Function, found: Range) -> float:
    """The mean square of what both roundings do to the function, over the range of the sum.

    The levels of the sum may be spread over its range, asymmetric as that is; or 0 may be one of them, and then a
    function that leaves its argument as it is on one side, as a leaky ReLU does, rounds there but once.
    """
    assert scale.table is not None
    z = torch.linspace(found.low, found.high, TRIED)
    levels = torch.floor(z / scale.step + scale.shift + 0.5).clamp(LOWEST, HIGHEST).to(torch.int64)
    return float((scale.table[levels - LOWEST] * scale.gives - function(z)).square().mean())
