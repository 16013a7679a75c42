"""What an operation gives: a map of numbers of one kind, and what executors must know of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor

LARGEST_SUM = 2**31 - 1
LARGEST_VALUE = 2**31  # numbers in a map


class Kind(Enum):
    """int8 `LEVELS` and exact int32 `SUMS`, both of some scale; float32 `REAL`, which only read-outs have."""

    LEVELS = "levels"
    SUMS = "sums"
    REAL = "real"

    @property
    def dtype(self) -> torch.dtype:
        return DTYPES[self]


DTYPES = {Kind.LEVELS: torch.int8, Kind.SUMS: torch.int32, Kind.REAL: torch.float32}


@dataclass(frozen=True, slots=True)
class Value:
    """A map `[height, width, channels]`.

    `peak`: no number in it has a larger magnitude (of `REAL` values nothing is known).
    `divisor`: what a sum has to be divided by, next to its scale: a mean of nine levels is their sum with divisor 9.
    `zero`: the level, by channel, that stands for 0 and lies outside the map; empty where it is 0 in all of them.
    """

    height: int
    width: int
    channels: int
    kind: Kind = Kind.LEVELS
    peak: int = 128
    divisor: int = 1
    zero: tuple[int, ...] = ()

    @property
    def grid(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def positions(self) -> int:
        return self.height * self.width

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return self.height * self.width * self.channels

    def check(self) -> None:
        """Raise ValueError where it is larger than anything that is meant."""
        if self.size > LARGEST_VALUE:
            raise ValueError(f"a map of {self.height} x {self.width} x {self.channels} numbers is too large")

    @property
    def zeros(self) -> Tensor:
        """`zero` in full: int32 `[channels]`."""
        return torch.tensor(self.zero or (0,) * self.channels, dtype=torch.int32)

    @property
    def centred_peak(self) -> int:
        """The largest magnitude of a level minus its zero."""
        return self.peak + max((abs(zero) for zero in self.zero), default=0)


def sums(height: int, width: int, channels: int, peak: int, divisor: int = 1) -> Value:
    """A map of exact int32 sums; raises ValueError where they may not fit."""
    if peak > LARGEST_SUM:
        raise ValueError(f"its sums may reach {peak}, more than 32 bits hold")
    return Value(height, width, channels, Kind.SUMS, peak, divisor)


def all_zero(zero: tuple[int, ...]) -> tuple[int, ...]:
    """As `Value.zero` wants it."""
    return zero if any(zero) else ()
