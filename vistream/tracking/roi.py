"""ROI-align: the feature vectors of a box, on a fixed grid of cells, by bilinear sampling.

Source: He et al., "Mask R-CNN", ICCV 2017, section 3, with one sample at the centre of each cell, which is
enough where a cell of the grid is no larger than a cell of the feature map. Masks and skeletons take the
vectors under them instead and do not come here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vistream.kernels.sampling import sampled
from vistream.tracking.similarity import whitened
from vistream.types import FeatureMap


def roi_align(features: FeatureMap, boxes: NDArray[np.float64], grid: tuple[int, int] = (8, 4)) -> NDArray[np.float32]:
    """Sample the feature map at the cell centres of a `grid` (rows, columns) laid over each box.

    `boxes`: `[N, 4]` as (x, y, w, h) in source pixels, which may reach over the frame's edge (the border
    repeats). Returns float32 `[N, rows * columns, C]`, row by row.

    >>> ramp = np.arange(6, dtype=np.float32).reshape(1, 6, 1)
    >>> roi_align(FeatureMap(ramp, (8.0, 8.0)), np.array([[8.0, 0.0, 16.0, 8.0]]), (1, 2)).ravel()
    array([1., 2.], dtype=float32)
    """
    rows, columns = grid
    channels = features.values.shape[2]
    across = (np.arange(columns) + 0.5) / columns
    down = (np.arange(rows) + 0.5) / rows
    x = (boxes[:, 0:1] + boxes[:, 2:3] * across) / features.stride[0] - 0.5
    y = (boxes[:, 1:2] + boxes[:, 3:4] * down) / features.stride[1] - 0.5
    vectors = whitened(sampled(features.values, y, x).reshape(-1, channels), features.whitening)
    return vectors.reshape(len(boxes), rows * columns, vectors.shape[1])
