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
TINT = 4
"""Levels by which the channels of a grey pixel may differ in a file that loses something."""
LOSSY = (".jpg", ".jpeg", ".jp2", ".avif", ".heic")
LOSSLESS_WEBP = b"VP8L"


def grey_of(image: Image.Image, path: Path | str) -> NDArray[np.uint8] | None:
    """Grey levels `[H, W]` of a picture in grey, or in colours that are all grey; else None.

    Of one in a single colour, whose transparency is what changes, the opacity. `path`: its file, whose format may have
    tinted it a little.
    """
    if image.mode == "L":
        return np.array(image, dtype=np.uint8)
    if image.mode not in ("RGB", "RGBA", "LA"):
        return None
    channels = np.array(image.convert("RGBA"), dtype=np.uint8)
    colours, opacity = channels[..., :3], channels[..., 3]
    if (colours == colours[0, 0]).all() and (opacity != opacity[0, 0]).any():
        return np.ascontiguousarray(opacity)
    spread = colours.max(axis=2) - colours.min(axis=2)
    return np.ascontiguousarray(colours[..., 1]) if spread.max() <= (TINT if loses(path) else 0) else None


def _flat(grey: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where a pixel and its eight neighbours are alike: within areas, not on edges."""
    around = np.ones((3, 3), np.uint8)
    return np.asarray(cv2.erode(grey, around) == cv2.dilate(grey, around))


def _is_one_object(grey: NDArray[np.uint8]) -> bool:
    """Whether something is light, and no area lies between light and dark: what does is a line or less."""
    middle = (grey > GROUND) & (grey < OBJECT)
    return bool((grey >= OBJECT).any() and (_flat(grey) & middle).sum() <= 0.02 * middle.sum() + 4)


def is_soft(grey: NDArray[np.uint8]) -> bool:
    """Whether grey levels show one object with a soft edge, and not labels.

    >>> sharp = np.kron(np.array([[0, 9], [70, 255]], np.uint8), np.ones((20, 20), np.uint8))
    >>> is_soft(sharp), is_soft(cv2.GaussianBlur(sharp // 255 * 255, (9, 9), 2))
    (False, True)
    """
    values = np.unique(grey)
    return len(values) >= MANY and bool(((values > GROUND) & (values < OBJECT)).any()) and _is_one_object(grey)


def hardened(grey: NDArray[np.uint8], path: Path | str) -> NDArray[np.uint8]:
    """A label map of what may be a soft mask: 0 and 255 of one that is, which is logged; else the levels as they are.

    Raises VistreamError for a file whose format loses something, and which does not look like one object, and for
    labels that were smoothed.
    """
    values = np.unique(grey)
    lossy = loses(path)
    if not is_soft(grey) and not (lossy and _is_one_object(grey)):
        if lossy and len(values) > 2:
            raise VistreamError(f"{path}: JPEG and its like change the values of labels: save masks as PNG")
        areas = len(np.unique(grey[_flat(grey)]))
        if len(values) >= MANY and 2 * areas < len(values):
            raise VistreamError(
                f"{path} was smoothed: it has {len(values)} grey values, {areas} of them areas: "
                "save labels as they are, and resize them by the nearest neighbour"
            )
        return grey
    if len(values) > 2:
        log.warning("%s has soft edges: taken as one object, where it is lighter than half", path)
    return np.where(grey >= HALF, np.uint8(255), np.uint8(0))


def loses(path: Path | str) -> bool:
    """Whether a file's format changes pixels, for all that its name says, and of WebP its first bytes."""
    path = Path(path)
    if path.suffix.lower() != ".webp":
        return path.suffix.lower() in LOSSY
    with path.open("rb") as file:
        return LOSSLESS_WEBP not in file.read(64)
