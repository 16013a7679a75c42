"""The tensors of a quantised ONNX file, as far as they became layers of the integer network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

UINT8, INT8 = 2, 3
Pair = tuple[int, int]


class NotTaken(Exception):
    """An operation, or a form of one, at which the body ends."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How a tensor of the file is quantised: `dtype` as in `DTYPES`; `zero`, the file's zero point, as a level here."""

    step: np.float32
    zero: int
    dtype: int

    @property
    def shift(self) -> int:
        """What a level here lacks to the file's."""
        return 128 if self.dtype == UINT8 else 0


@dataclass(frozen=True, slots=True)
class Levels:
    """An integer tensor of the file, `[1, C, h, w]`, and the layer that holds it.

    `root`: the tensor that it is an elementwise function of, itself where there is none.
    """

    layer: str
    scale: Scale
    channels: int
    root: str


@dataclass(frozen=True, slots=True)
class Real:
    """A float tensor of the file, which exists only as what QuantizeLinear makes of it.

    `make(name, scale, bounds)` makes the layer of that, levels within `bounds`; `low` and `high`: of an activation.
    `same`: the integer tensor that it stands for, behind DequantizeLinear; `root`: as in `Levels`, or None.
    """

    make: Callable[[str, Scale, Pair], Levels] | None
    same: str | None = None
    root: str | None = None
    low: float = -np.inf
    high: float = np.inf

    def bounds(self, scale: Scale) -> Pair:
        """The lowest and the highest level."""
        ends = []
        for bound, default in ((self.low, -128), (self.high, 127)):
            level = default if np.isinf(bound) else int(np.rint(np.float32(bound) / scale.step)) + scale.zero
            ends.append(min(max(level, -128), 127))
        return ends[0], ends[1]
