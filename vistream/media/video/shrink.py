"""Pictures made smaller by area: each pixel counts for about as much as any other, so that noise is averaged away.

OpenCV's own area resizing is quick for whole factors alone; for others it takes up to ten times as long as what is
done here: halving while the picture is far too large, then to twice the size wanted by linear interpolation, then
halving once more. What comes of it is within about a grey level of the exact means, on the average.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

FAR = 3.0  # times as large as wanted: from here on the picture is halved first


def shrunk(picture: Picture, width: int, height: int) -> Picture:
    """`picture`, uint8 `[H, W]` or `[H, W, C]`, in a size that is not larger than its own, whatever the aspect.

    >>> stripes = np.tile(np.uint8([0, 200]), (4, 6))
    >>> shrunk(stripes, 3, 2).tolist()
    [[100, 100, 100], [100, 100, 100]]
    """
    while min(picture.shape[1] / width, picture.shape[0] / height) > FAR and not any(n % 2 for n in picture.shape[:2]):
        picture = _area(picture, picture.shape[1] // 2, picture.shape[0] // 2)
    if picture.shape[1] % width == 0 and picture.shape[0] % height == 0:
        return _area(picture, width, height)
    twice = np.asarray(cv2.resize(picture, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR), np.uint8)
    return _area(twice, width, height)


def _area(picture: Picture, width: int, height: int) -> Picture:
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
