"""The normalised integer neuron, NI-LIF (Lei et al., Spike2Former, AAAI 2025; equation 8 without its leak).

A pre-activation becomes an integer of 0..D, which is passed on divided by `norm`. At inference the integer n is n ones
among D binary steps; the weights that follow carry the 1/norm, so both forms give the same sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

MOST = 63
"""The largest D there may be: two steps of a level, as which the integer form holds neurons, are int8."""


@dataclass(frozen=True, slots=True)
class Levels:
    """`most`: the largest integer D of a neuron; `norm`: what the integer is divided by.

    Neither can be read from weights. The paper calls a network "T x D" and sets both to D.
    """

    most: int = 4
    norm: int = 4

    def __post_init__(self) -> None:
        if not all(isinstance(value, int) and value >= 1 for value in (self.most, self.norm)) or self.most > MOST:
            wanted = f"D must be a whole number of 1 to {MOST}, and norm one of 1 or more"
            raise ValueError(f"{wanted}, not {self.most!r} and {self.norm!r}")


class Neuron(nn.Module):
    """`round_half_even(clamp(x, 0, D)) * gain / norm`, elementwise, any shape.

    The gradient passes through where 0 <= x <= D and is zero elsewhere. The membrane starts each image at zero and one
    image is one call, so there is nothing to remember: T copies of an image give T equal outputs.
    """

    def __init__(self, levels: Levels, gain: int = 1) -> None:
        super().__init__()
        self.levels = levels
        self.scale = gain / levels.norm

    def forward(self, x: Tensor) -> Tensor:
        return self.integers(x) * self.scale

    def integers(self, x: Tensor) -> Tensor:
        """The integers alone, as floats of 0..D."""
        clipped = torch.clamp(x, 0, self.levels.most)
        rounded = torch.round(clipped)
        if not clipped.requires_grad:
            return rounded
        return clipped + (rounded - clipped).detach()  # exactly `rounded`: the difference of such near floats is exact

    def extra_repr(self) -> str:
        return f"D={self.levels.most}, norm={self.levels.norm}, scale={self.scale:g}"
