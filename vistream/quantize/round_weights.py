"""Float weights as whole numbers of 8 bits, or of 16 as two of 8, with a step for each output channel."""

from __future__ import annotations

import torch
from torch import Tensor

BYTE = 256
NARROW = 127  # of 8 bits, the largest weight of either sign
WIDE = NARROW * BYTE + NARROW  # of 16 bits, such that either byte fits


def on_levels(weight: Tensor, gain: Tensor, groups: int) -> Tensor:
    """The weight `[O, I / groups, kh, kw]` that acts on levels of `gain` `[I]` each, float64."""
    outputs, per_group = weight.shape[:2]
    gain = gain.reshape(groups, 1, per_group).expand(-1, outputs // groups, -1).reshape(outputs, per_group, 1, 1)
    return weight.to(torch.float64) * gain


def rounded(weight: Tensor) -> tuple[Tensor, Tensor]:
    """The weight as int8, and the step of each output channel, float64 `[O]`."""
    step = _largest(weight) / NARROW
    return torch.round(weight / step[:, None, None, None]).clamp(-NARROW, NARROW).to(torch.int8), step


def halves(weight: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The weight in 16 bits, `256 * upper + lower`: both int8, each with the step of each output channel."""
    step = _largest(weight) / WIDE
    whole = torch.round(weight / step[:, None, None, None])
    upper = torch.floor((whole + BYTE / 2) / BYTE)
    return [(upper.to(torch.int8), step * BYTE), ((whole - upper * BYTE).to(torch.int8), step)]


def _largest(weight: Tensor) -> Tensor:
    """The largest magnitude of each output channel, `[O]`, never 0."""
    return weight.abs().amax((1, 2, 3)).clamp_min(torch.finfo(torch.float32).tiny)
