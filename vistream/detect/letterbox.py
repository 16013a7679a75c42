"""Bring a frame to a network's input size, and boxes back to the frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.kernels.shrinking import shrink
from vistream.types import Frame

Image = NDArray[np.uint8]
Cells = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the frame lies in the input: its `(x, y)` is at `offset + scale * (x, y)`; both are (x, y)."""

    scale: tuple[float, float]
    offset: tuple[float, float] = (0.0, 0.0)

    def to_frame(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points `[..., 2]` as (x, y) in the input, to the frame.

        >>> Placement((0.5, 0.5), (0, 10)).to_frame(np.array([10.0, 30.0]))
        array([20., 40.])
        """
        moved: NDArray[np.float64] = (points - np.array(self.offset)) / np.array(self.scale)
        return moved

    def boxes_to_frame(self, corners: NDArray[np.float64]) -> NDArray[np.float64]:
        """Boxes `[N, 4]` as (x1, y1, x2, y2) in the input, to (x, y, w, h) in the frame.

        >>> Placement((0.5, 0.5), (0, 10)).boxes_to_frame(np.array([[5.0, 10.0, 10.0, 30.0]]))
        array([[10.,  0., 10., 40.]])
        """
        boxes = self.to_frame(corners.reshape(-1, 2, 2)).reshape(-1, 4)
        boxes[:, 2:] -= boxes[:, :2]
        return boxes

    def over_frame(self, cells: Cells, picture: tuple[int, int], frame: tuple[int, int]) -> Cells:
        """Of cells `[h, w]` that lie over an input of so many rows and columns: those over the frame, of so many.

        >>> Placement((0.5, 0.5), (0, 10)).over_frame(np.eye(4, dtype=bool), (40, 40), (40, 80)).shape
        (2, 4)
        """
        spans = []
        sides = zip(cells.shape, picture, frame, self.offset[::-1], self.scale[::-1], strict=True)
        for count, whole, side, offset, scale in sides:
            first = min(int(offset * count / whole), count - 1)
            spans.append(slice(first, max(first + 1, math.ceil(round((offset + scale * side) * count / whole, 6)))))
        return cells[spans[0], spans[1]]


def fitted_size(frame: Frame, longer: int, multiple: int) -> tuple[int, int]:
    """(width, height) of an input in the shape of the frame, with sides that are multiples of `multiple`.

    >>> fitted_size(np.zeros((540, 960, 3), np.uint8), 512, 32)
    (512, 288)
    """
    rows, columns = frame.shape[:2]
    scale = longer / max(rows, columns)
    width, height = (max(-(-round(side * scale) // multiple), 1) * multiple for side in (columns, rows))
    return width, height


def letterbox(frame: Frame, width: int, height: int, fill: int, centred: bool) -> tuple[Image, Placement]:
    """`frame` in one scale as large as fits into `height x width`, the rest `fill`; in the middle, or top left.

    Returns the `[height, width, 3]` image, channels as in `frame`, and where the frame lies in it.
    """
    rows, columns = frame.shape[:2]
    scale = min(width / columns, height / rows)
    w, h = max(round(columns * scale), 1), max(round(rows * scale), 1)
    left, top = ((width - w) // 2, (height - h) // 2) if centred else (0, 0)
    image = np.full((height, width, 3), fill, np.uint8)
    image[top : top + h, left : left + w] = _resized(frame, w, h)
    return image, Placement((w / columns, h / rows), (left, top))


def stretch(frame: Frame, width: int, height: int) -> tuple[Image, Placement]:
    """`frame` scaled to exactly `height x width`, and where it lies in that: everywhere."""
    rows, columns = frame.shape[:2]
    return _resized(frame, width, height), Placement((width / columns, height / rows))


def _resized(frame: Frame, width: int, height: int) -> Image:
    """Shrunk by area, which averages the camera's noise away, or enlarged."""
    if width <= frame.shape[1] and height <= frame.shape[0]:
        return shrink(frame, width, height)
    return np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
