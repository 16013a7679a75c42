"""Edges of soft labels follow the edges of the picture: a guided filter with colour.

A label is known on a coarse grid; the picture says where exactly an object ends. In every small window the label is
fitted as a linear function of the colours. Source: He, Sun and Tang, "Guided image filtering", TPAMI 2013, equations
19 to 21 (colour), and He and Sun, "Fast guided filter", 2015, which fits on every other pixel.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.types import Frame

Soft = NDArray[np.float32]

SMOOTHNESS = 1e-4  # variance of a colour, of 0..1, from which an edge is followed
FINEST = 2  # pixels of a side that are fitted as one
MARGIN = 4  # radii around an object that are filtered with it
LEAST = 0.02  # of a label: below, nothing of the object is there


def follow_edges(label: Soft, frame: Frame, radius: float) -> Soft:
    """A label on a grid, `[h, w]` in 0..1, as `[H, W]`, its edges on those of the frame, uint8 `[H, W, 3]`.

    `radius`: of the window, in pixels. Far from where the label is, the result is zero.
    """
    height, width = frame.shape[:2]
    result = np.zeros((height, width), np.float32)
    large = enlarge(label, (width, height))
    x, y, w, h = cv2.boundingRect((large > LEAST).astype(np.uint8))
    if not w:
        return result
    margin = round(MARGIN * radius)
    part = slice(max(0, y - margin), y + h + margin), slice(max(0, x - margin), x + w + margin)
    result[part] = _guided(large[part], frame[part].astype(np.float32) / np.float32(255), radius)
    return result


def enlarge(label: Soft, size: tuple[int, int]) -> Soft:
    """An array `[h, w]` or `[h, w, C]` on a grid, laid over a frame of `size` (width, height)."""
    return np.asarray(cv2.resize(label, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _guided(label: Soft, colours: Soft, radius: float) -> Soft:
    height, width = label.shape
    small = max(1, width // FINEST), max(1, height // FINEST)
    p = np.asarray(cv2.resize(label, small, interpolation=cv2.INTER_AREA), np.float32)
    image = np.asarray(cv2.resize(colours, small, interpolation=cv2.INTER_AREA), np.float32)
    side = 2 * max(1, round(radius / FINEST)) + 1

    def mean(of: Soft) -> Soft:
        return np.asarray(cv2.blur(of, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)

    centre, level = mean(image), mean(p)
    shared = mean(image * p[:, :, None]) - centre * level[:, :, None]
    spread = mean((image[:, :, :, None] * image[:, :, None]).reshape(*small[::-1], 9)).reshape(*small[::-1], 3, 3)
    spread = spread - centre[:, :, :, None] * centre[:, :, None] + np.float32(SMOOTHNESS) * np.eye(3, dtype=np.float32)
    slope: Soft = np.linalg.solve(spread, shared[..., None])[..., 0].astype(np.float32)
    offset = level - (slope * centre).sum(axis=2)
    fitted = (enlarge(mean(slope), (width, height)) * colours).sum(axis=2) + enlarge(mean(offset), (width, height))
    return np.asarray(np.clip(fitted, 0.0, 1.0), np.float32)
