"""Masks that were smoothed, or saved with loss: grey levels between the object and its ground that are no labels."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vistream.errors import VistreamError

log = logging.getLogger("vistream")

GROUND, OBJECT, HALF = 16, 200, 128
"""Grey levels: what a lossy black may be at the most, a lossy white at the least, and where the edge is taken."""
MANY = 8
"""Labels: a map of so many grey values, most of them nowhere more than a line wide, is no map of labels."""
LOSSY = (".jpg", ".jpeg", ".jp2")


def grey_of(image: Image.Image) -> NDArray[np.uint8] | None:
    """Grey levels `[H, W]` of a picture in grey, or in colours that are all grey; else None."""
    if image.mode == "L":
        return np.array(image, dtype=np.uint8)
    if image.mode not in ("RGB", "RGBA", "LA"):
        return None
    channels = np.array(image.convert("RGB"), dtype=np.uint8)
    grey = (channels == channels[..., :1]).all()
    return np.ascontiguousarray(channels[..., 0]) if grey else None


def is_soft(grey: NDArray[np.uint8]) -> bool:
    """Whether grey levels show one object with a soft edge, and not labels: what lies in the middle is a line or less.

    >>> sharp = np.kron(np.array([[0, 9], [70, 255]], np.uint8), np.ones((20, 20), np.uint8))
    >>> is_soft(sharp), is_soft(cv2.GaussianBlur(sharp // 255 * 255, (9, 9), 2))
    (False, True)
    """
    values = np.unique(grey)
    between = values[(values > GROUND) & (values < OBJECT)]
    if len(values) < MANY or not len(between) or values[-1] < OBJECT:
        return False
    plain = cv2.erode(grey, np.ones((3, 3), np.uint8)) == cv2.dilate(grey, np.ones((3, 3), np.uint8))
    middle = (grey > GROUND) & (grey < OBJECT)
    return bool((plain & middle).sum() <= 0.02 * middle.sum() + 4)


def hardened(grey: NDArray[np.uint8], path: Path | str) -> NDArray[np.uint8]:
    """A label map of what may be a soft mask: 0 and 255 of one that is, which is logged; else the levels as they are.

    Raises VistreamError for a file whose format loses something, and which does not look like one object.
    """
    lossy = Path(path).suffix.lower() in LOSSY
    if not is_soft(grey) and not (lossy and _is_black_and_white(grey)):
        if lossy and len(np.unique(grey)) > 2:
            raise VistreamError(f"{path}: JPEG changes the values of labels: save masks as PNG")
        return grey
    if len(np.unique(grey)) > 2:
        log.warning("%s has soft edges: taken as one object, where it is lighter than half", path)
    return np.where(grey >= HALF, np.uint8(255), np.uint8(0))


def _is_black_and_white(grey: NDArray[np.uint8]) -> bool:
    middle = (grey > GROUND) & (grey < OBJECT)
    return bool(middle.mean() < 0.05 and (grey >= OBJECT).any())
