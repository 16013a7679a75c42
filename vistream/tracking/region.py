"""The feature vectors under a mask: what tells one mask or skeleton from another.

Source: Wang et al., "Do different tracking tasks require different appearance models?", NeurIPS 2021, section 3.3.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.tracking.roi import roi_align
from vistream.tracking.similarity import whitened
from vistream.types import Box, FeatureMap, Features

Mask = NDArray[np.bool_]
Grid = NDArray[np.float32]


def frame_size(features: Features) -> tuple[float, float]:
    """(width, height), in pixels, of the frame that features cover.

    >>> frame_size(FeatureMap(np.zeros((2, 3, 1), np.float32), (8.0, 8.0)))
    (24.0, 16.0)
    """
    (rows, columns), (across, down) = features.shape, features.stride
    return columns * across, rows * down


def reduce_mask(mask: Mask, size: tuple[int, int]) -> Grid:
    """The share of each cell of a grid of `size` (width, height) that a mask `[H, W]` covers, 0..1.

    >>> reduce_mask(np.eye(4, dtype=bool), (2, 2)).tolist()
    [[0.5, 0.0], [0.0, 0.5]]
    """
    return cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)


def vectors_under(features: Features, masks: Sequence[Mask] | NDArray[np.bool_], max_cells: int) -> list[Grid]:
    """For every mask `[H, W]` the vectors, float32 `[n, C]`, of the cells that it covers at least by half, or most.

    Where there would be more than about `max_cells`, a coarser grid is laid over the features.
    """
    covered = [_cells_under(mask, features.shape, max_cells) for mask in masks]
    known = features.within(np.array([_around(cells, features) for cells in covered]).reshape(-1, 4))
    return [_vectors_of(known, cells) for cells in covered]


def _cells_under(mask: Mask, shape: tuple[int, int], max_cells: int) -> Mask:
    """What a mask covers of a grid over the whole frame: of `shape`, or coarser."""
    height, width = shape
    area = float(mask.mean()) * height * width
    shrink = min(1.0, (max_cells / area) ** 0.5) if area > 0 else 1.0
    share = reduce_mask(mask, (max(1, round(width * shrink)), max(1, round(height * shrink))))
    return np.asarray(share >= min(0.5, float(share.max())))


def _around(cells: Mask, features: Features) -> Box:
    """The box (x, y, w, h), in pixels, that holds the centres of cells of a grid over the whole frame."""
    across, down = frame_size(features)
    rows, columns = (np.flatnonzero(cells.any(axis=axis)) for axis in (1, 0))
    top, bottom = ((rows[[0, -1]] + 0.5) * down / cells.shape[0]).tolist()
    left, right = ((columns[[0, -1]] + 0.5) * across / cells.shape[1]).tolist()
    return left, top, right - left, bottom - top


def _vectors_of(features: FeatureMap, cells: Mask) -> Grid:
    height, width = features.shape
    if cells.shape == (height, width):
        return whitened(np.asarray(features.values[cells]), features.whitening)
    frame = np.array([[0.0, 0.0, *frame_size(features)]])
    return np.asarray(roi_align(features, frame, (cells.shape[0], cells.shape[1]))[0][cells.reshape(-1)])
