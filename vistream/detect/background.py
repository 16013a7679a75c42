"""An adaptive background: which pixels differ from what is usually there.

One colour and one noise level a pixel, learned where nothing moves; a second colour that waits to become
background once it has stayed long enough (the two-layer idea of Kim et al., "Real-time foreground-background
segmentation using codebook model", 2005). It makes no boxes and knows no objects. Before a
camera that moves it follows, if told how.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.types import Frame, Warp

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

LEARNING = 4.0  # seconds in which the background follows a change of light by 63 %
STARTING = 5.0  # seconds during which the background is still being found
SETTLE = 1.0  # seconds that a colour must stay to become background, while that is being found
ABSORB = 30.0  # the same later on: an object that stops is reported that long
FLOOR = 12.0  # grey levels: less than this is never movement
SIGMAS = 4.0  # times a pixel's mean absolute deviation
FIRST_NOISE = 2.0  # grey levels, before it has been measured
LOOSE = 0.25  # pixels by which a background that has followed the camera may be out of place
SHADOW_DARKEST, SHADOW_LIGHTEST = 0.5, 0.97  # a shadow multiplies the background by something in between


@dataclass(frozen=True, slots=True)
class Difference:
    """One frame against the background, on the model's grid `[h, w]`.

    `moving`: shadows left out. `contrast`: largest difference of a channel, over the threshold there (1 at the
    threshold). `steady`: seconds for which the pixel's colour has stayed as it is.
    """

    moving: Mask
    contrast: Plane
    steady: Plane


class Background:
    """The background of frames uint8 `[h, w, 3]`, RGB, as small as the caller made them."""

    def __init__(self, frame: Frame) -> None:
        self.colour = frame.astype(np.float32)
        self._waiting = self.colour.copy()
        self._steady = np.zeros(frame.shape[:2], np.float32)
        self._noise = np.full(frame.shape[:2], FIRST_NOISE, np.float32)
        self._difference = np.zeros(frame.shape[:2], np.float32)
        self._slack = np.zeros(frame.shape[:2], np.float32)  # grey levels by which it may be wrong at edges
        self._age = 0.0

    def follow(self, camera: Warp, frame: Frame) -> None:
        """Move with the camera to a frame that will be compared next; what comes into view there is not known yet."""
        around = np.ones((3, 3), np.uint8)
        new = cv2.erode(_warped(np.ones(frame.shape[:2], np.uint8), camera), around, borderValue=0) == 0
        for plane in (self.colour, self._waiting, self._noise, self._steady):
            plane[:] = _warped(plane, camera)
        self.colour[new] = self._waiting[new] = frame[new]
        self._noise[new], self._steady[new] = FIRST_NOISE, 0.0
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        across, down = (cv2.Sobel(grey, cv2.CV_32F, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1)))
        self._slack = np.float32(LOOSE) * np.asarray(cv2.dilate(cv2.magnitude(across, down), around), np.float32)

    def compare(self, frame: Frame, seconds: float) -> Difference:
        """What differs in a frame that comes `seconds` after the last one."""
        self._age += seconds
        self._follow_exposure(frame)
        threshold = np.maximum(FLOOR, SIGMAS * self._noise) + self._slack
        self._difference = _distance(frame, self.colour)
        moving = self._difference > threshold
        self._remove_shadows(moving, frame, threshold)
        stays = _distance(frame, self._waiting) < threshold
        self._steady = np.where(stays, self._steady + np.float32(seconds), np.float32(0))
        cv2.accumulateWeighted(frame, self._waiting, 0.2, stays.view(np.uint8))
        other = np.flatnonzero(~stays)
        self._waiting.reshape(-1, 3)[other] = frame.reshape(-1, 3)[other]
        return Difference(moving, self._difference / threshold, self._steady)

    def learn(self, frame: Frame, seconds: float, objects: Mask, ghosts: Mask) -> None:
        """Follow the frame just compared outside `objects`; absorb what has stayed long, `ghosts` soon."""
        rate = max(seconds / LEARNING, seconds / self._age)
        quiet = (~objects).view(np.uint8)
        cv2.accumulateWeighted(self._difference, self._noise, min(rate, 0.2), quiet)
        cv2.accumulateWeighted(frame, self.colour, min(rate, 1.0), quiet)
        self._slack *= 1 - min(rate, 1.0)
        patience = SETTLE if self._age < STARTING else ABSORB
        settled = objects & (self._steady > np.where(ghosts, SETTLE, patience))
        self.colour[settled] = self._waiting[settled]
        self._noise[settled] = FIRST_NOISE

    def _follow_exposure(self, frame: Frame) -> None:
        """Scale the background to the frame's brightness, also where an object hides it, channel by channel."""
        here, usual = frame[::8, ::8].reshape(-1, 3), self.colour[::8, ::8].reshape(-1, 3)
        gain = np.clip(np.median((here + 1.0) / (usual + 1.0), axis=0), 0.5, 2.0)
        self.colour = np.asarray(cv2.transform(self.colour, np.diag(gain)), dtype=np.float32)
        self._waiting = np.asarray(cv2.transform(self._waiting, np.diag(gain)), dtype=np.float32)

    def _remove_shadows(self, moving: Mask, frame: Frame, threshold: Plane) -> None:
        """Clear the pixels that are the background's colour, darkened evenly (Horprasert et al., 1999)."""
        where = np.flatnonzero(moving)
        now, usual = frame.reshape(-1, 3)[where].astype(np.float32), self.colour.reshape(-1, 3)[where]
        share = (now * usual).sum(1) / np.maximum((usual * usual).sum(1), 1)
        rest = np.abs(now - share[:, None] * usual).max(axis=1)
        dark = (share > SHADOW_DARKEST) & (share < SHADOW_LIGHTEST)
        even = rest < np.maximum(6, 0.6 * threshold.reshape(-1)[where])
        moving.reshape(-1)[where] = ~(dark & even)


def _distance(frame: Frame, colour: Plane) -> Plane:
    """The largest difference of a channel, pixel by pixel, in whole grey levels."""
    red, green, blue = cv2.split(cv2.absdiff(frame, cv2.convertScaleAbs(colour)))
    return np.asarray(cv2.max(cv2.max(red, green), blue), dtype=np.float32)


def _warped(plane: NDArray[Any], camera: Warp) -> NDArray[Any]:
    """A plane where the camera's motion takes it; 0 where nothing was."""
    return np.asarray(cv2.warpAffine(plane, camera, (plane.shape[1], plane.shape[0]), flags=cv2.INTER_LINEAR))
