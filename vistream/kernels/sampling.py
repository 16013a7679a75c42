"""Vectors of a map between its cells, by bilinear interpolation.

Compiled where the kernels work here, else by NumPy; both give the same numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vistream.kernels.library import Unusable, brief

Map = NDArray[np.float32]
Positions = NDArray[np.float64]


def sampled(values: Map, y: Positions, x: Positions) -> Map:
    """Of a map `[h, w, C]` at the rows `y`, `[N, rows]`, and the columns `x`, `[N, columns]`, of each of N grids.

    Positions are in cells, 0 on the centre of the first; beyond the outermost centres the border repeats. Float32
    `[N, rows, columns, C]`.

    >>> sampled(np.float32([[[0.0], [8.0]]]), np.zeros((1, 1)), np.array([[-9.0, 0.25, 9.0]])).ravel().tolist()
    [0.0, 2.0, 8.0]
    """
    try:
        kernels = brief()
    except Unusable:
        return _plainly(values, y, x)
    values = np.ascontiguousarray(values, np.float32)
    y, x = np.ascontiguousarray(y, np.float64), np.ascontiguousarray(x, np.float64)
    out = np.empty((len(y), y.shape[1], x.shape[1], values.shape[2]), np.float32)
    kernels.vistream_sample(
        values.ctypes.data, *values.shape, y.ctypes.data, x.ctypes.data, *out.shape[:3], out.ctypes.data
    )
    return out


def _plainly(values: Map, y: Positions, x: Positions) -> Map:
    height, width, channels = values.shape
    top, bottom, down = _between(y, height)
    left, right, across = _between(x, width)
    flat = values.reshape(height * width, channels)

    def at(i: NDArray[np.intp], j: NDArray[np.intp]) -> Map:
        picked: Map = flat[i[:, :, None] * width + j[:, None, :]]
        return picked

    share = across[:, None, :, None]
    upper = at(top, left) * (1 - share) + at(top, right) * share
    lower = at(bottom, left) * (1 - share) + at(bottom, right) * share
    share = down[:, :, None, None]
    return np.asarray(upper * (1 - share) + lower * share, np.float32)


def _between(position: Positions, size: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Map]:
    """The two lines of the grid around each position, and the share of the second."""
    inside = np.clip(position, 0.0, size - 1.0)
    low = np.floor(inside).astype(np.intp)
    return low, np.minimum(low + 1, size - 1), (inside - low).astype(np.float32)
