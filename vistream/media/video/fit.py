"""Frames larger than a network needs are shrunk; smaller ones are left alone, but for those with nothing to see."""

from __future__ import annotations

import cv2
import numpy as np

from vistream.errors import VistreamError
from vistream.kernels.shrinking import shrink
from vistream.types import Frame

WORKING_SIZE = (1088, 608)  # width, height: what UniTrack (NeurIPS 2021) letter-boxes its frames to
SMALLEST = 8  # pixels a side: one cell of the default feature grid


def fit(frame: Frame, largest: tuple[int, int] = WORKING_SIZE, shortest: int = 0) -> Frame:
    """`frame`, or its area-averaged reduction to at most `largest` (width, height), aspect kept.

    A frame whose shorter side is below `shortest` is enlarged to that, at most twofold, and never beyond `largest`.

    Raises VistreamError if a side is shorter than `SMALLEST` pixels.

    >>> fit(np.zeros((1080, 1920, 3), np.uint8)).shape, fit(np.zeros((480, 640, 3), np.uint8)).shape
    ((608, 1081, 3), (480, 640, 3))
    >>> fit(np.zeros((240, 432, 3), np.uint8), shortest=480).shape
    (480, 864, 3)
    """
    height, width = frame.shape[:2]
    if min(height, width) < SMALLEST:
        raise VistreamError(
            f"frames of {width}x{height} pixels are too small: at least {SMALLEST}x{SMALLEST} are needed"
        )
    ratio = min(largest[0] / width, largest[1] / height)
    if ratio >= 1.0:
        ratio = max(1.0, min(ratio, 2.0, shortest / min(width, height)))
        if ratio == 1.0:
            return frame
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    if ratio < 1.0:
        return shrink(frame, *size)
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR), np.uint8)
