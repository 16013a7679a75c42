"""The mean colour of each cell of a grid over boxes of a frame.

Compiled where the kernels work here, else by NumPy; both give the same colours.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vistream.kernels.library import Unusable, brief

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float64]

MOST = 8  # rows and columns of a cell that count at least, where it has as many; the others are left out evenly
FAR = float(1 << 30)  # pixels: boxes that reach farther end there


def cell_means(frame: Pixels, boxes: Boxes, grid: tuple[int, int]) -> Pixels:
    """Of a frame, uint8 `[H, W, 3]`, over boxes `[N, 4]` as (x, y, w, h) in its pixels: uint8 `[N, rows, columns, 3]`.

    Cells are whole pixels, at least one; beyond the edge of the frame its last pixels count.

    >>> cell_means(np.uint8([[[0, 0, 0], [90, 60, 30]]]), np.array([[0.0, 0, 2, 1]]), (1, 2)).tolist()
    [[[[0, 0, 0], [90, 60, 30]]]]
    """
    try:
        kernels = brief()
    except Unusable:
        return _plainly(frame, boxes, grid)
    frame, boxes = np.ascontiguousarray(frame), np.ascontiguousarray(boxes, np.float64)
    out = np.empty((len(boxes), *grid, 3), np.uint8)
    kernels.vistream_cell_means(
        frame.ctypes.data, *frame.shape[:2], boxes.ctypes.data, len(boxes), *grid, MOST, out.ctypes.data
    )
    return out


def _plainly(frame: Pixels, boxes: Boxes, grid: tuple[int, int]) -> Pixels:
    out = np.empty((len(boxes), *grid, 3), np.uint8)
    for mean, (x, y, w, h) in zip(out, boxes.tolist(), strict=True):
        for i in range(grid[0]):
            rows = _pixels(y, h, i, grid[0], frame.shape[0])
            for j in range(grid[1]):
                part = frame[rows[:, None], _pixels(x, w, j, grid[1], frame.shape[1])].reshape(-1, 3)
                mean[i, j] = (part.sum(0, dtype=np.int64) + len(part) // 2) // len(part)
    return out


def _pixels(first: float, length: float, cell: int, cells: int, size: int) -> NDArray[np.intp]:
    """The rows or columns of one of the `cells` of a box's side."""
    begin, end = (math.floor(min(max(first + length * k / cells, -FAR), FAR)) for k in (cell, cell + 1))
    count = max(end - begin, 1)
    return np.arange(begin, begin + count, max(count // MOST, 1)).clip(0, size - 1)
