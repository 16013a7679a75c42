"""The colours of cells, as vectors: what the features of a network, made to be blind to them, say little of.

Two colours are as alike as their angles on three circles, one for each coordinate of CIE L*a*b*: unlike a product of
the coordinates themselves, that has every colour most like itself, however pale it is.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.types import Frame

Grid = NDArray[np.float32]

ANGLE = 1.2  # radians, for a standard deviation of a coordinate over the frame
PALE = 1.0  # of a coordinate: a smaller deviation is noise, and is not blown up


def colour_vectors(frame: Frame, shape: tuple[int, int]) -> Grid:
    """The mean colour of each cell of a grid of `shape` (rows, columns) over a frame, uint8 `[H, W, 3]`.

    Float32 `[rows, columns, 6]`, each of length 1.

    >>> np.linalg.norm(colour_vectors(np.eye(6, dtype=np.uint8)[..., None].repeat(3, 2), (3, 2)), axis=2).round(3)
    array([[1., 1.],
           [1., 1.],
           [1., 1.]], dtype=float32)
    """
    cells = cv2.resize(frame, shape[::-1], interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(cells.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2LAB)
    spread = np.maximum(lab.std(axis=(0, 1), dtype=np.float64), PALE)
    angle = (lab - lab.mean(axis=(0, 1), dtype=np.float64)) * (ANGLE / spread)
    circles = np.concatenate([np.cos(angle), np.sin(angle)], axis=2) / np.sqrt(3.0)
    return np.asarray(circles, np.float32)
