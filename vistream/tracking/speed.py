"""How fast objects go over the ground, seen by a fixed camera, once the scale of the picture is known.

An object is where its feet are: in the middle of its box's lower edge. Its speed is the slope of that place over the
last second (least squares), which averages the trembling of boxes.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.types import Track, Warp

SECONDS = 1.0
LEAST_SECONDS = 0.3
"""A speed is told once an object was seen for so long."""

Homography = NDArray[np.float64]
"""3 x 3, from pixels to metres on the ground."""


def read_scale(text: str) -> Homography:
    """From `0.02`, metres a pixel, or `x1,y1,...,x4,y4,width,height`: the corners, in pixels, of a rectangle on
    the ground, one after the other, and its sides in metres, from the first to the second corner and on to the third.

    Raises VistreamError for anything else.

    >>> read_scale("0.02").tolist()
    [[0.02, 0.0, 0.0], [0.0, 0.02, 0.0], [0.0, 0.0, 1.0]]
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not all(map(math.isfinite, numbers)) or len(numbers) not in (1, 10) or min(numbers[-2:]) <= 0:
        raise VistreamError(
            f"--scale is {text!r}: give metres a pixel, as 0.02, or x1,y1,x2,y2,x3,y3,x4,y4,width,height of a "
            "rectangle on the ground, corners in pixels, sides in metres"
        )
    if len(numbers) == 1:
        return np.diag([numbers[0], numbers[0], 1.0])
    corners = np.array(numbers[:8], np.float32).reshape(4, 2)
    if not cv2.isContourConvex(corners) or abs(cv2.contourArea(corners)) < 1:
        raise VistreamError(f"--scale is {text!r}: the four corners, one after the other, don't make a rectangle")
    width, height = numbers[8:]
    sides = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    return np.asarray(cv2.getPerspectiveTransform(corners, sides), np.float64)


@dataclass(slots=True)
class Speedometer:
    """Gives the tracks of one frame after the other their speeds. `scale`: see `read_scale`, or None: no speeds."""

    scale: Homography | None = None
    places: dict[int, deque[tuple[float, float, float]]] = field(default_factory=dict)

    def step(self, tracks: Sequence[Track], time: float, camera: Warp | None) -> tuple[Track, ...]:
        """The same tracks with their speeds; where the camera moved, nothing is known any more."""
        if self.scale is None:
            return tuple(tracks)
        if camera is not None:
            self.places.clear()
        seen = {track.id: self._place(track) for track in tracks if track.seen}
        for identity in [i for i, kept in self.places.items() if i not in seen and kept[-1][0] < time - SECONDS]:
            del self.places[identity]
        for identity, place in seen.items():
            kept = self.places.setdefault(identity, deque())
            kept.append((time, *place))
            while kept[0][0] < time - SECONDS:
                kept.popleft()
        return tuple(replace(track, speed=self._speed(track.id) if track.id in seen else None) for track in tracks)

    def _place(self, track: Track) -> tuple[float, float]:
        x, y, w, h = track.box
        assert self.scale is not None
        across, along, depth = (self.scale @ (x + w / 2, y + h, 1.0)).tolist()
        return (across / depth, along / depth) if depth else (math.inf, math.inf)

    def _speed(self, identity: int) -> float | None:
        moments, *places = np.array(self.places[identity]).T
        if moments[-1] - moments[0] < LEAST_SECONDS or not np.isfinite(places).all():
            return None
        since = moments - moments.mean()
        return float(np.hypot(*(since @ place for place in places)) / (since @ since))
