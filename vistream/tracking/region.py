"""The feature vectors under a mask: what tells one mask or skeleton from another.

Source: Wang et al., "Do different tracking tasks require different appearance models?", NeurIPS 2021, section 3.3.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.tracking.roi import roi_align
from vistream.types import FeatureMap

Mask = NDArray[np.bool_]
Grid = NDArray[np.float32]


def reduce_mask(mask: Mask, size: tuple[int, int]) -> Grid:
    """The share of each cell of a grid of `size` (width, height) that a mask `[H, W]` covers, 0..1.

    >>> reduce_mask(np.eye(4, dtype=bool), (2, 2)).tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """
    return cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)


def vectors_under(features: FeatureMap, mask: Mask, max_cells: int) -> Grid:
    """The vectors, float32 `[n, C]`, of the cells that a mask `[H, W]` covers at least by half; one at the least.

    Where there would be more than about `max_cells`, a coarser grid is laid over the features.
    """
    height, width, _ = features.values.shape
    area = float(mask.mean()) * height * width
    shrink = min(1.0, (max_cells / area) ** 0.5) if area > 0 else 1.0
    rows, columns = max(1, round(height * shrink)), max(1, round(width * shrink))
    values = features.values.reshape(height * width, -1)
    if (rows, columns) != (height, width):
        frame = np.array([[0.0, 0.0, width * features.stride[0], height * features.stride[1]]])
        values = roi_align(features, frame, (rows, columns))[0]
    share = reduce_mask(mask, (columns, rows)).reshape(-1)
    return np.asarray(values[share >= min(0.5, float(share.max()))])
