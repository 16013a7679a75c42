"""The scale of a neuron layer that ends in any elementwise function: a table, looked up by the levels of its sum."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from vistream.errors import VistreamError
from vistream.quantize.ranges import Range
from vistream.quantize.scale import Scale, audible, shares_of, step_for

LOWEST, STEPS = -128, 255  # what a table is looked up by: 256 levels, 255 steps from the first to the last
HIGHEST = LOWEST + STEPS
TRIED = 4096  # values of the sum, over its range
FINEST = 2.0**-20  # of the sum: float32 tells little more apart
ROUNDS = 3  # of looking for the part of the range where a function moves

Function = Callable[[Tensor], Tensor]
"""Of float32 `[N]`, element by element."""


def table_scale(name: str, function: Function, found: Range, largest: int, by_channel: bool) -> Scale:
    """The scale of layer `name` whose sum has the range `found`; levels behind the table are at most `largest`.

    `by_channel`: channels may have steps of their own; they do where the function is that of a ReLU's kin, with
    `f(k z) = k f(z)` for `k > 0`, so that one table serves all. Raises VistreamError where a value is not finite.
    """
    low, high = _moving(function, found.low, found.high, largest)
    finest = FINEST * max(abs(low), abs(high))
    spread = _table(function, audible(max((high - low) / STEPS, finest)), low, largest)
    if spread is None:
        raise VistreamError(
            f"layer {name} is not finite between {low:.4g} and {high:.4g}: clamp what its function is given, "
            "or keep it out of the module"
        )
    if not found.lows:
        return spread
    step = step_for(found.low, found.high, LOWEST, largest)
    around_zero = _table(function, step, LOWEST * step, largest) or spread  # a root has none
    scale = min((spread, around_zero), key=lambda table: _error(table, function, found))
    z = torch.linspace(found.low, found.high, TRIED)
    if not by_channel or not torch.allclose(function(z / 2), function(z) / 2, atol=0.0):
        return scale
    return replace(scale, shares=shares_of(found, scale.step, LOWEST - scale.shift, HIGHEST - scale.shift))


def _moving(function: Function, low: float, high: float, largest: int) -> tuple[float, float]:
    """The part of a range beyond which a function stays within a quarter of a level of what it is at the ends.

    SiLU, GELU and their kin are flat far below 0: one channel that is switched off by a sum of -300 must not take the
    levels that the others' sums need.
    """
    for _ in range(ROUNDS):  # each looks closer at what the one before has left
        z = torch.linspace(low, high, TRIED)
        reached = function(z)
        near = float(reached.abs().max()) / largest / 4
        moves = (reached - reached[0]).abs() > near, (reached - reached[-1]).abs() > near
        if not bool(moves[0].any()):
            break
        first, last = int(moves[0].nonzero()[0]) - 1, int(moves[1].nonzero()[-1]) + 1
        low, high = float(z[max(first, 0)]), float(z[min(last, TRIED - 1)])
    return low, high


def _table(function: Function, step: float, low: float, largest: int) -> Scale | None:
    """The table whose levels begin at `low`; None where the function is not finite at one of them."""
    reached = function(low + step * torch.arange(STEPS + 1, dtype=torch.float32))
    if not bool(reached.isfinite().all()):
        return None
    gives = audible(float(reached.abs().max()) / largest)
    table = torch.round(reached / gives).clamp(-largest, largest).to(torch.int8)
    return Scale(LOWEST, HIGHEST, step, table, gives, LOWEST - low / step)


def _error(scale: Scale, function: Function, found: Range) -> float:
    """The mean square of what both roundings do to the function, over the range of the sum, in a unit of its own.

    The levels of the sum may be spread over its range, asymmetric as that is; or 0 may be one of them, and then a
    function that leaves its argument as it is on one side, as a leaky ReLU does, rounds there but once.
    """
    assert scale.table is not None
    z = torch.linspace(found.low, found.high, TRIED)
    levels = torch.floor(z / scale.step + scale.shift + 0.5).clamp(LOWEST, HIGHEST).to(torch.int64)
    wanted = function(z)
    unit = 2.0 ** math.frexp(float(wanted.abs().max()))[1]  # squares of what is tiny would be 0
    return float(((scale.table[levels - LOWEST] * scale.gives - wanted) / unit).square().mean())
