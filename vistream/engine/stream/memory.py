"""The memory of a stream for the compiled kernels: what each operation has of it, and how others reach it."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.engine.stream.levels import WHOLE
from vistream.engine.stream.packing import Rows
from vistream.engine.stream.plan import LayerPlan
from vistream.engine.stream.product import Weights
from vistream.engine.stream.twin import Twin
from vistream.ir.footprint import Place
from vistream.ir.value import Kind
from vistream.kernels.structs import Events, Layer, Term, TermKind, Window

IDENTITIES = {Kind.LEVELS: TermKind.IDENTITY, Kind.SUMS: TermKind.SUMS, Kind.REAL: TermKind.REALS}


@dataclass(slots=True, eq=False)
class Memory:
    """One operation: its value `[H * W + 1, stride]` (the last row is what lies outside), its marks, and its struct.

    `holds`: whether hysteresis holds its levels. `twin`: computes it where no kernel does. `weights`: of a product that
    is a convolution. `events`: of the convolutions that keep their sums. `levels`: the lowest and the highest that it
    may have, what lies outside included. `kept`: what the struct points to.
    """

    plan: LayerPlan
    values: NDArray[Any]
    changed: NDArray[np.uint8]
    reached: NDArray[np.uint8]
    stale: NDArray[np.uint8]
    layer: Layer
    holds: bool
    sources: list[Memory] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    twin: Twin | None = None
    weights: Weights | None = None
    events: list[Events] = field(default_factory=list)
    levels: tuple[int, int] = WHOLE
    kept: list[Any] = field(default_factory=list)

    @property
    def stride(self) -> int:
        return int(self.values.shape[1])

    @property
    def row_bytes(self) -> int:
        return int(self.values.strides[0])

    @property
    def grid(self) -> Tensor:
        """The value, `[H, W, C]`."""
        rows = self.values[:-1].reshape(*self.plan.value.grid, self.stride)
        return torch.from_numpy(rows[:, :, : self.plan.channels])

    @property
    def rows(self) -> Rows:
        """What convolutions of it have to know."""
        return Rows(self.plan.channels, self.row_bytes, *self.levels)

    def at(self, array: NDArray[Any]) -> int:
        """Where an array begins, which is kept for as long as this memory."""
        self.kept.append(array)
        return array.ctypes.data


def term_of(memory: Memory, source: Memory, kind: int) -> Term:
    """What every term has, over its source position by position."""
    term = Term(kind=kind, source=source.values.ctypes.data, row_bytes=source.row_bytes)
    term.changed = source.changed.ctypes.data
    term.moved = ctypes.addressof(source.layer) + Layer.changes.offset
    grid = source.plan.value
    term.window = Window(grid.height, grid.width, grid.height, grid.width, 1, 1, 1, 1, 1, 1, 0, 0)
    term.is_signed = source.rows.signed
    memory.kept.append(source)
    return term


def window_of(place: Place) -> Window:
    window, placed = place.window, place.placed
    return Window(
        place.height, place.width, placed.height, placed.width, *window.kernel, *window.stride, *window.dilation,
        placed.top, placed.left,
    )  # fmt: skip
