"""Shapes that have a structure: the limbs of a skeleton."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.render.colours import Colour
from vistream.tracking.skeleton import limbs
from vistream.types import Frame

FAR = 30_000.0  # pixels: OpenCV's lines stop short of 16 bits


def draw_limbs(
    picture: Frame, keypoints: NDArray[np.float64], joints: Sequence[str], colour: Colour, line: int
) -> None:
    """A line for each limb of `[K, 3]` (x, y, confidence) whose two joints, named in `joints`, were seen."""
    if len(joints) != len(keypoints):
        return
    points = np.rint(np.clip(keypoints[:, :2], -FAR, FAR)).astype(int).tolist()
    for a, b in limbs(joints):
        if keypoints[a, 2] > 0 and keypoints[b, 2] > 0:
            cv2.line(picture, points[a], points[b], colour, line, cv2.LINE_AA)
