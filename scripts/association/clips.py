"""The clips of the association study, and a camera that moves over them.

The virtual camera shows a window of three quarters of the frame, which pans by a sine and shakes. Its positions are
whole pixels, so that no frame is resampled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Corners = NDArray[np.int64]

SHARE = 0.75  # of the frame's width and height that the window shows
PERIODS = (100, 70)  # frames of a whole pan across and down
SHAKE = 4.0  # pixels, the deviation of the window from its path
SEED = 15


@dataclass(frozen=True)
class Clip:
    """Where a clip lies, how fast it runs, its (width, height); `detections`: None where there are only true boxes."""

    video: str
    truth: str
    detections: str | None
    fps: float
    frames: int
    size: tuple[int, int]


PETS, FULL, TUD, GIRLS = "mot/PETS09-S2L1", "mot/PETS09-S2L1-full480", "mot/TUD-Stadtmitte", "mots/schoolgirls"
TRUTH, DETECTIONS = "/gt/gt.txt", "/det/det_sort.txt"
CLIPS = {
    "PETS": Clip(f"{PETS}/img1", PETS + TRUTH, PETS + DETECTIONS, 7, 150, (768, 576)),
    "PETS-480": Clip(f"{FULL}/PETS09-S2L1_480x360.mp4", FULL + TRUTH, FULL + DETECTIONS, 7, 795, (480, 360)),
    "TUD": Clip(f"{TUD}/TUD-Stadtmitte.mp4", TUD + TRUTH, TUD + DETECTIONS, 25, 179, (640, 480)),
    "schoolgirls": Clip(f"{GIRLS}/schoolgirls.mp4", f"{GIRLS}/gt/gt_boxes.txt", None, 25, 80, (432, 240)),
}


@dataclass(frozen=True)
class View:
    """What a camera shows of a clip: the whole frames, or a moving window of them."""

    clip: str
    moving: bool = False

    @property
    def name(self) -> str:
        return f"{self.clip}-moving" if self.moving else self.clip

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)"""
        width, height = CLIPS[self.clip].size
        return (round(SHARE * width), round(SHARE * height)) if self.moving else (width, height)


def corners(view: View) -> Corners:
    """The window's top left corner (x, y) in each frame, `[frames, 2]`."""
    clip = CLIPS[view.clip]
    if not view.moving:
        return np.zeros((clip.frames, 2), np.int64)
    room = np.array(clip.size) - view.size
    time = np.arange(clip.frames)[:, None] / np.array(PERIODS)
    path = room / 2 + (room / 2 - 2 * SHAKE) * np.sin(2 * np.pi * time)
    shaken = path + np.random.default_rng(SEED).normal(0.0, SHAKE, path.shape)
    return np.asarray(np.clip(np.rint(shaken), 0, room), np.int64)
