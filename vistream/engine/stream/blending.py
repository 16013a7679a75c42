"""Bilinear resizing and average pooling as what they have in common: sums of a few rows, each times a whole number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vistream.engine.stream.plan import LayerPlan
from vistream.ir.footprint import Place
from vistream.ir.operations import AveragePool, Bilinear
from vistream.ir.value import Kind

MOST_TAPS = 16  # of a position: larger pools are not worth the memory that their addresses take

Ints = NDArray[np.int32]


def blended(plan: LayerPlan) -> tuple[Ints, Ints] | None:
    """For each output position the rows of the source, and what each is multiplied by: int32 `[positions, taps]`.

    None where the sums begin with something else than zero, or take too much.
    """
    source = plan.sources[0]
    if source.kind is not Kind.LEVELS or bool(source.zeros.any()):
        return None
    if isinstance(plan.layer, Bilinear):
        (rows, down, _), (columns, across, _) = plan.layer.axes(plan.sources)
        return _table(rows.T, down.T, columns.T, across.T, source.width)
    assert isinstance(plan.layer, AveragePool)
    place = plan.footprints[0]
    assert isinstance(place, Place)
    window, placed = place.window, place.placed
    if window.kernel[0] * window.kernel[1] > MOST_TAPS:
        return None
    rows, down = _lines(
        placed.height, source.height, window.kernel[0], window.stride[0], window.dilation[0], placed.top
    )
    columns, across = _lines(
        placed.width, source.width, window.kernel[1], window.stride[1], window.dilation[1], placed.left
    )
    found, weights = _table(rows, down, columns, across, source.width)
    return found, _plain(weights * plan.layer.factors(source).reshape(-1, 1))


def _lines(
    outputs: int, size: int, kernel: int, stride: int, dilation: int, before: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The lines under each window, int64 `[outputs, kernel]`, and 1 for those inside; others stand for one inside."""
    lines = np.arange(outputs)[:, None] * stride + np.arange(kernel) * dilation - before
    inside = (lines >= 0) & (lines < size)
    first = lines[np.arange(outputs), inside.argmax(1)][:, None]
    return np.where(inside, lines, np.clip(first, 0, size - 1)), inside.astype(np.int64)


def _table(
    rows: NDArray[np.int64], down: NDArray[np.int64], columns: NDArray[np.int64], across: NDArray[np.int64], width: int
) -> tuple[Ints, Ints]:
    """Every pairing of a row's lines with a column's."""
    found = rows[:, None, :, None] * width + columns[None, :, None, :]
    weights = down[:, None, :, None] * across[None, :, None, :]
    count = rows.shape[0] * columns.shape[0]
    return _plain(found.reshape(count, -1)), _plain(weights.reshape(count, -1))


def _plain(numbers: NDArray[np.int64]) -> Ints:
    """As the kernels read it: int32, row by row."""
    return np.ascontiguousarray(numbers, np.int32)
