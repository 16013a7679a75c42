"""What the numbers of a layer mean, and what those mean that an operation makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vistream.ir.operations import (
    AveragePool,
    Bilinear,
    Concat,
    Operation,
    PickChannels,
    PixelShuffle,
    PixelUnshuffle,
    Product,
)


@dataclass(frozen=True, slots=True, eq=False)
class Meaning:
    """What the levels of a layer mean: `gain * level + offset` by channel, float32 `[C]` each.

    `zero`: the level that lies outside the map and stands for 0 as well as a level can.
    """

    gain: Tensor
    offset: Tensor
    zero: int | Tensor = 0

    @property
    def centred(self) -> Meaning:
        """Of the levels minus their zero."""
        return Meaning(self.gain, self.offset + self.gain * self.zero)


def centred(gain: Tensor) -> Meaning:
    """Of numbers of which 0 means 0."""
    return Meaning(gain, torch.zeros_like(gain))


def _concat(operation: Concat, parts: Sequence[Meaning]) -> Meaning:
    return Meaning(torch.cat([part.gain for part in parts]), torch.cat([part.offset for part in parts]))


def _picked(operation: PickChannels, parts: Sequence[Meaning]) -> Meaning:
    channels = list(operation.channels)
    return Meaning(parts[0].gain[channels], parts[0].offset[channels])


def _blocks(operation: PixelShuffle, parts: Sequence[Meaning]) -> Meaning:
    return Meaning(parts[0].gain[:: operation.factor**2], parts[0].offset[:: operation.factor**2])


def _unblocked(operation: PixelUnshuffle, parts: Sequence[Meaning]) -> Meaning:
    block = operation.factor**2
    return Meaning(parts[0].gain.repeat_interleave(block), parts[0].offset.repeat_interleave(block))


MEANING: dict[type[Operation], Callable[[Any, Sequence[Meaning]], Meaning]] = {
    Concat: _concat,
    PickChannels: _picked,
    PixelShuffle: _blocks,
    PixelUnshuffle: _unblocked,
    AveragePool: lambda _, parts: parts[0].centred,
    Bilinear: lambda _, parts: parts[0].centred,
    Product: lambda _, parts: centred(parts[0].gain * parts[1].gain),
}
"""What the numbers mean that an operation makes; where it has no entry, they mean what they meant."""
