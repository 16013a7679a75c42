"""ROI-align: the feature vectors of a box, on a fixed grid of cells, by bilinear sampling.

Source: He et al., "Mask R-CNN", ICCV 2017, section 3, with one sample at the centre of each cell, which is
enough where a cell of the grid is no larger than a cell of the feature map. Masks and skeletons take the
vectors under them instead and do not come here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vistream.tracking.similarity import whitened
from vistream.types import FeatureMap


def _corners(
    position: NDArray[np.float64], size: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """The two grid lines around each position (in cells, 0 on the first cell's centre) and the second's weight.

    Positions beyond the outermost centres take the border's value.
    """
    inside = np.clip(position, 0.0, size - 1.0)
    low = np.floor(inside).astype(np.intp)
    return low, np.minimum(low + 1, size - 1), (inside - low).astype(np.float32)


def roi_align(features: FeatureMap, boxes: NDArray[np.float64], grid: tuple[int, int] = (8, 4)) -> NDArray[np.float32]:
    """Sample the feature map at the cell centres of a `grid` (rows, columns) laid over each box.

    `boxes`: `[N, 4]` as (x, y, w, h) in source pixels, which may reach over the frame's edge (the border
    repeats). Returns float32 `[N, rows * columns, C]`, row by row.

    >>> ramp = np.arange(6, dtype=np.float32).reshape(1, 6, 1)
    >>> roi_align(FeatureMap(ramp, (8.0, 8.0)), np.array([[8.0, 0.0, 16.0, 8.0]]), (1, 2)).ravel()
    array([1., 2.], dtype=float32)
    """
    rows, columns = grid
    height, width, channels = features.values.shape
    across = (np.arange(columns) + 0.5) / columns
    down = (np.arange(rows) + 0.5) / rows
    x = (boxes[:, 0:1] + boxes[:, 2:3] * across) / features.stride[0] - 0.5
    y = (boxes[:, 1:2] + boxes[:, 3:4] * down) / features.stride[1] - 0.5
    left, right, wx = _corners(x, width)
    top, bottom, wy = _corners(y, height)
    flat = features.values.reshape(height * width, channels)

    def at(i: NDArray[np.intp], j: NDArray[np.intp]) -> NDArray[np.float32]:
        picked: NDArray[np.float32] = flat[i[:, :, None] * width + j[:, None, :]]
        return picked

    across_weight: NDArray[np.float32] = wx[:, None, :, None]
    down_weight: NDArray[np.float32] = wy[:, :, None, None]
    upper = at(top, left) * (1 - across_weight) + at(top, right) * across_weight
    lower = at(bottom, left) * (1 - across_weight) + at(bottom, right) * across_weight
    sampled = upper * (1 - down_weight) + lower * down_weight
    vectors = whitened(sampled.reshape(-1, channels).astype(np.float32, copy=False), features.whitening)
    return vectors.reshape(len(boxes), rows * columns, vectors.shape[1])
