"""The requantisation formula that every rung of the ladder shares.

float32, one rounding an operation, in this order, so that every implementation agrees bit for bit:

    y = bias + charge_1 * multiplier_1 + charge_2 * multiplier_2 + ...     (left to right; no fused multiply-add)
    a = clip(floor(y + 1/2), lo, hi)

With a hysteresis of h > 0 whole levels, a neuron that holds level S keeps it while its plain level stays near:

    S <- S   if |a - S| <= h,   else a

that is, while -(1/2 + h) <= clip(y, lo, hi) - S < 1/2 + h: the spiking neuron's thresholds V >= 1 + h and V < -h. So it
is always within 1/2 + h levels of its own clipped pre-activation; at h = 0 both lines say the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def pre_activation(charges: Sequence[Tensor], multipliers: Sequence[Tensor], bias: Tensor) -> Tensor:
    """`y` in levels, float32 `[..., O]`, from exact integer charges of any dtype `[..., O]`."""
    y = bias
    for charge, multiplier in zip(charges, multipliers, strict=True):
        y = y + charge.to(torch.float32) * multiplier
    return y


def settle(y: Tensor, lo: int, hi: int, held: Tensor | None = None, hysteresis: int = 0) -> Tensor:
    """The level, int8, that a neuron comes to rest at; `held` are the levels (int8) that it holds so far."""
    level = torch.clamp(torch.floor(y + 0.5), lo, hi)
    if held is not None and hysteresis > 0:
        before = held.to(torch.float32)
        level = torch.where((level - before).abs() <= hysteresis, before, level)
    return level.to(torch.int8)


def mean_multiplier(multiplier: Tensor, positions: int) -> Tensor:
    """The multiplier of a sum over `positions` that stands for their mean."""
    return multiplier / positions
