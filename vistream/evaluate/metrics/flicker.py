"""How steady class maps of a video are: pixels that change class although nothing moved there.

A measure of this project. Ground truth is not needed: where dense optical flow between two frames (DIS, Kroeger et al.,
ECCV 2016) is below half a pixel, both ways, the class should stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.types import Frame

STILL = 0.5
"""Pixels a frame: a smaller movement counts as none."""


def still_pixels(before: Frame, now: Frame) -> NDArray[np.bool_]:
    """Where nothing moved between two frames, uint8 `[H, W, 3]`, RGB: bool `[H, W]`.

    >>> frame = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    >>> bool(still_pixels(frame, frame).all())
    True
    """
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    a, b = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.uint8) for frame in (before, now))
    none = np.zeros((*a.shape, 2), np.float32)
    methods = [flow.calc(a, b, none.copy()), flow.calc(b, a, none.copy())]
    return np.asarray(np.max([np.linalg.norm(method, axis=2) for method in methods], axis=0) < STILL)


@dataclass(frozen=True, slots=True)
class Flicker:
    """Pixels that stood `still`, and those of them that `changed` class nevertheless."""

    changed: int = 0
    still: int = 0

    def __add__(self, other: Flicker) -> Flicker:
        return Flicker(self.changed + other.changed, self.still + other.still)

    @property
    def share(self) -> float:
        """0..1, the less the steadier; NaN where nothing stood still.

        >>> Flicker(1, 4).share
        0.25
        """
        return self.changed / self.still if self.still else float("nan")


def flicker(before: NDArray[np.integer], now: NDArray[np.integer], still: NDArray[np.bool_]) -> Flicker:
    """Of two successive label maps `[H, W]`, where nothing moved.

    >>> flicker(np.array([1, 1, 2]), np.array([1, 2, 1]), np.array([True, True, False]))
    Flicker(changed=1, still=2)
    """
    return Flicker(int(np.count_nonzero((before != now) & still)), int(np.count_nonzero(still)))
