"""The colours of cells, as vectors: what the features of a network, made to be blind to them, say little of.

Two colours are as alike as their angles on three circles, one for each coordinate of CIE L*a*b*: unlike a product of
the coordinates themselves, that has every colour most like itself, however pale it is.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.kernels.cells import cell_means
from vistream.types import Frame

Grid = NDArray[np.float32]

ANGLE = 1.2  # radians, for a standard deviation of a coordinate over the frame
SPARSE = 8  # rows and columns, of which one each counts for the colours of a frame
PALE = 1.0  # of a coordinate: a smaller deviation is noise, and is not blown up


def colour_vectors(frame: Frame, shape: tuple[int, int]) -> Grid:
    """The mean colour of each cell of a grid of `shape` (rows, columns) over a frame, uint8 `[H, W, 3]`.

    Float32 `[rows, columns, 6]`, each of length 1.

    >>> np.linalg.norm(colour_vectors(np.eye(6, dtype=np.uint8)[..., None].repeat(3, 2), (3, 2)), axis=2).round(3)
    array([[1., 1.],
           [1., 1.],
           [1., 1.]], dtype=float32)
    """
    lab = _lab(np.asarray(cv2.resize(frame, shape[::-1], interpolation=cv2.INTER_AREA), np.uint8))
    return _circles(lab, lab)


def colours_in(frame: Frame, boxes: NDArray[np.float64], grid: tuple[int, int]) -> Grid:
    """The mean colours of a `grid` (rows, columns) of cells over each box, where it reaches over the edge those there.

    `frame`: uint8 `[H, W, 3]`. `boxes`: `[N, 4]` as (x, y, w, h) in its pixels. Float32 `[N, rows * columns, 6]`, each
    of length 1; two boxes of a frame, or of frames that are alike, can be compared by them.

    >>> half = np.repeat(np.uint8([[[0, 0, 0], [250, 0, 0]]]), 8, 1).repeat(8, 0)
    >>> left, right, both = colours_in(half, np.array([[-9.0, 0, 17, 8], [8, 2, 4, 4], [4, 0, 8, 8]]), (1, 2))
    >>> np.allclose(left[0], both[0]), np.allclose(right, both[1])
    (True, True)
    """
    if not len(boxes):
        return np.zeros((0, grid[0] * grid[1], 6), np.float32)
    cells = cell_means(frame, boxes, grid)
    of_frame = _lab(np.ascontiguousarray(frame[::SPARSE, ::SPARSE]))
    return _circles(_lab(cells.reshape(-1, grid[1], 3)), of_frame).reshape(len(boxes), grid[0] * grid[1], 6)


def _lab(cells: NDArray[np.uint8]) -> Grid:
    return np.asarray(cv2.cvtColor(cells.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB), np.float32)


def _circles(colours: Grid, of_frame: Grid) -> Grid:
    """Colours `[..., 3]` as angles, by the mean and the deviation of all of the frame's, `[rows, columns, 3]`."""
    mean, deviation = (np.reshape(moment, 3) for moment in cv2.meanStdDev(of_frame))
    angle = (colours - mean) * (ANGLE / np.maximum(deviation, PALE))
    circles = np.concatenate([np.cos(angle), np.sin(angle)], axis=-1) / np.sqrt(3.0)
    return np.asarray(circles, np.float32)
