"""How the positions of an operation's output depend on those of a source.

An operation names one footprint a source; which outputs a change reaches, and which inputs outputs need, follow from it
in the same way for every operation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vistream.ir.value import Value
from vistream.ir.window import Placed, Window

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Same:
    """A position depends on the same position."""


@dataclass(frozen=True, slots=True)
class Everywhere:
    """Every position depends on every position."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """No position depends on what the source holds, only on its size."""


@dataclass(frozen=True, slots=True)
class Place:
    """A position depends on what lies under a sliding window: `window` at `placed` over `[height, width]`."""

    window: Window
    placed: Placed
    height: int
    width: int


@dataclass(frozen=True, slots=True, eq=False)
class Axes:
    """A position depends on a rectangle, which its row and its column decide independently.

    Output row `y` depends on source rows `rows[0, y]` up to but without `rows[1, y]` (none where they are equal);
    `rows` int64 `[2, output height]`, `columns` `[2, output width]`; all inside the source's `[height, width]`.
    """

    rows: Ints
    columns: Ints
    height: int
    width: int


Footprint = Same | Everywhere | Nothing | Place | Axes


def place(window: Window, source: Value) -> Place:
    """Lay a window over a value; raises ValueError where not one fits."""
    return Place(window, window.place(source.height, source.width), source.height, source.width)


def single(rows: Ints, columns: Ints, source: Value) -> Axes:
    """Each output row and column depends on just one of the source, or on none where it says -1."""
    return Axes(_one(rows), _one(columns), source.height, source.width)


def _one(lines: Ints) -> Ints:
    first = np.maximum(lines, 0)
    return np.stack([first, first + (lines >= 0)])
