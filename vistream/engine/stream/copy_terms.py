"""What moves or blends levels, as the kernels' terms: copies, maxima of windows, weighted means of a few positions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vistream.engine.stream.memory import Memory, term_of, window_of
from vistream.engine.stream.plan import LayerPlan
from vistream.ir.footprint import Axes, Place
from vistream.kernels.structs import LayerKind, TermKind


def add_maxima(memory: Memory, place: Place) -> None:
    memory.layer.kind = LayerKind.MAX_POOL
    term = term_of(memory, memory.sources[0], TermKind.IDENTITY)
    term.window = window_of(place)
    memory.terms.append(term)


def add_copies(memory: Memory) -> None:
    """The channels of all sources, one behind the other."""
    first = 0
    for source in memory.sources:
        add_copy(memory, source, first)
        first += source.plan.channels


def add_copy(
    memory: Memory,
    source: Memory,
    first: int = 0,
    rows: NDArray[np.int32] | None = None,
    channels: NDArray[np.int32] | None = None,
) -> None:
    """`rows`: of the source, for each position; `channels`: of the source, which go to `first` and on."""
    memory.layer.kind = LayerKind.COPY
    term = term_of(memory, source, TermKind.IDENTITY)
    term.channels, term.first_channel = source.plan.channels if channels is None else len(channels), first
    if rows is not None:
        term.map = memory.at(rows)
    if channels is not None:
        term.begin = memory.at(channels)
    memory.terms.append(term)


def add_blend(memory: Memory, rows: NDArray[np.int32], weights: NDArray[np.int32]) -> None:
    """The weighted mean of `rows` of the source, `[positions, taps]`, see `blending`."""
    memory.layer.kind = LayerKind.BLEND
    term = term_of(memory, memory.sources[0], TermKind.IDENTITY)
    term.channels, term.quads = memory.plan.channels, rows.shape[1]
    term.map, term.begin = memory.at(rows), memory.at(weights)
    memory.terms.append(term)


def nearest_rows(plan: LayerPlan) -> NDArray[np.int32]:
    """The row of the source for each position."""
    axes = plan.footprints[0]
    assert isinstance(axes, Axes)
    return np.ascontiguousarray((axes.rows[0][:, None] * axes.width + axes.columns[0]).reshape(-1), np.int32)
