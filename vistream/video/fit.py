"""Frames larger than a network needs are shrunk; smaller ones are left alone."""

from __future__ import annotations

import cv2

from vistream.types import Frame

WORKING_SIZE = (1088, 608)  # width, height: what UniTrack (NeurIPS 2021) letter-boxes its frames to


def fit(frame: Frame, largest: tuple[int, int] = WORKING_SIZE) -> Frame:
    """`frame`, or its area-averaged reduction to at most `largest` (width, height), aspect kept.

    >>> import numpy as np
    >>> fit(np.zeros((1080, 1920, 3), np.uint8)).shape, fit(np.zeros((480, 640, 3), np.uint8)).shape
    ((608, 1081, 3), (480, 640, 3))
    """
    height, width = frame.shape[:2]
    ratio = min(largest[0] / width, largest[1] / height)
    if ratio >= 1.0:
        return frame
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA).astype(frame.dtype, copy=False)
