"""The requantisation formula that every rung of the ladder shares.

float32, one rounding an operation, in this order, so that every implementation agrees bit for bit:

    y = bias + charge_1 * multiplier_1 + charge_2 * multiplier_2 + ...     (left to right; no fused multiply-add)
    a = table[clip(round(y) + zero, lo, hi)]

`round` is floor(y + 1/2), or half-to-even where the neuron says so; `zero` is the level that stands for 0; without a
table the level is what was looked up.

With a hysteresis of h > 0 whole levels, a neuron that holds level S keeps it while its plain level stays near:

    S <- S   if |a - S| <= h,   else a

that is, without a table, while -(1/2 + h) <= clip(y, lo, hi) - S < 1/2 + h: the spiking neuron's thresholds V >= 1 + h
and V < -h. So it is always within 1/2 + h levels of its own clipped pre-activation; at h = 0 both lines say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import torch
from torch import Tensor

LARGEST_MEMBRANE = 2**24  # float32 holds every integer up to here


class Rounding(Enum):
    """What becomes of a tie: it goes up, or to the even level."""

    HALF_UP = "half up"
    HALF_EVEN = "half to even"


def pre_activation(charges: Sequence[Tensor], multipliers: Sequence[Tensor], bias: Tensor) -> Tensor:
    """`y` in levels, float32 `[..., O]`, from exact integer charges of any dtype `[..., O]`."""
    y = bias
    for charge, multiplier in zip(charges, multipliers, strict=True):
        y = y + charge.to(torch.float32) * multiplier
    return y


def rounded(y: Tensor, rounding: Rounding = Rounding.HALF_UP) -> Tensor:
    """The nearest whole number, float32."""
    return torch.floor(y + 0.5) if rounding is Rounding.HALF_UP else torch.round(y)


def requantise(
    y: Tensor,
    lo: int,
    hi: int,
    held: Tensor | None = None,
    hysteresis: int = 0,
    *,
    rounding: Rounding = Rounding.HALF_UP,
    zero: int = 0,
    table: Tensor | None = None,
) -> Tensor:
    """The level, int8, that a neuron comes to rest at; `held` are the levels (int8) that it holds so far.

    `table` int8 `[256]` is looked up by level + 128.
    """
    level = torch.clamp(rounded(y, rounding) + float(zero), lo, hi).to(torch.int16)
    if table is not None:
        level = table[level.to(torch.int64) + 128].to(torch.int16)
    if held is not None and hysteresis > 0:
        before = held.to(torch.int16)
        level = torch.where((level - before).abs() <= hysteresis, before, level)
    return level.to(torch.int8)


def membrane(y: Tensor, rounding: Rounding = Rounding.HALF_UP) -> Tensor:
    """`y` as an int32 sum of the same scale, within what float32 holds exactly."""
    return torch.clamp(rounded(y, rounding), -LARGEST_MEMBRANE, LARGEST_MEMBRANE).to(torch.int32)


def mean_multiplier(multiplier: Tensor, positions: int) -> Tensor:
    """The multiplier of a sum over `positions` (or with that divisor) that stands for their mean."""
    return multiplier / positions
