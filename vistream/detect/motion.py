"""The detector that needs no weights: what moves.

Pixels that differ from a learned background are grouped into regions; a region that is large, compact and
lasting enough becomes a box. It can't tell what moves, nor two things that touch. It notices when the camera itself
moves, and says so: then the background is taken along with it, and only what moves otherwise counts, which is found
less surely; nothing at all where the camera's motion can't be found.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from vistream.detect.background import Background, Mask, Plane
from vistream.detect.camera import SPAN, CameraWatch
from vistream.detect.camera_motion import background, drift, similarity
from vistream.detect.regions import GRID, Region, continued, find_regions, moved, moving_otherwise
from vistream.types import Frame, Observations

LABEL = "moving"
LASTING = 0.15  # seconds for which a region must have been there, and in at least two frames
EVERYWHERE = 0.55  # share of the picture's blocks with movement from which the light changed, not an object moved


class MotionDetector:
    """Boxes of what moves, labelled "moving", for video of `fps` frames a second.

    That is the source's own rate: where frames are skipped, the indices given to `detect` say so.
    Scores run from 0.5 (at the threshold of the noise) towards 1 (clear of it), see `regions.Region`. Frames are
    worked on at no more than 384 pixels of their longer side.
    """

    name = "motion"

    def __init__(self, fps: float) -> None:
        self.fps = fps
        self.reset()

    @property
    def labels(self) -> tuple[str]:
        return (LABEL,)

    def describe(self) -> str:
        return "motion: no network, sees only what moves, best before a fixed camera, and can't tell what it is"

    def reset(self) -> None:
        """Forget the background: another video begins."""
        self._background: Background | None = None
        self._camera = CameraWatch()
        self._regions: list[Region] = []
        self._last: int | None = None
        self._before: Frame | None = None

    def detect(self, frame: Frame, index: int) -> Observations:
        """Boxes of the moving regions; none on the first frames."""
        small = on_grid(frame)
        seconds = 1 / self.fps if self._last is None else max(1, index - self._last) / self.fps
        self._last = index
        moving_for = self._camera.moving_for(small, seconds)
        before, self._before = self._before, small
        if before is None or self._background is None or before.shape != small.shape:
            return self._begin(small)
        drifted = self._follow(before, small) if moving_for > 0 else None
        if moving_for > 0 and drifted is None:
            # perhaps an object hides most of the picture: wait before all is forgotten
            return self._begin(small) if moving_for > SPAN else Observations.none()
        difference = self._background.compare(small, seconds)
        if _everywhere(difference.moving):
            return self._begin(small)
        finding = find_regions(difference, small, self._background.colour)
        if drifted is not None:
            finding = replace(finding, regions=moving_otherwise(finding.regions, drifted))
        self._background.learn(small, seconds, finding.objects, finding.ghosts)
        self._regions = [continued(region, self._regions, seconds) for region in finding.regions]
        lasting = [r for r in self._regions if r.frames >= 2 and r.seconds >= LASTING]
        return _observations(lasting, frame.shape[1] / small.shape[1], frame.shape[0] / small.shape[0])

    def _follow(self, before: Frame, small: Frame) -> Plane | None:
        """Take background and regions along with the camera; gives the `drift`, or None where its motion is unknown."""
        assert self._background is not None
        first, second = (np.asarray(cv2.cvtColor(each, cv2.COLOR_RGB2GRAY), np.uint8) for each in (before, small))
        boxes = np.array([region.box for region in self._regions], np.float64).reshape(-1, 4)
        camera = similarity(first, second, background(second, boxes))
        if camera is None:
            return None
        self._background.follow(camera, small)
        self._regions = [moved(region, camera) for region in self._regions]
        return drift(first, second, camera)

    def _begin(self, small: Frame) -> Observations:
        """Start from this frame, and say nothing about it."""
        self._background = Background(small)
        self._regions = []
        return Observations.none()


def on_grid(frame: Frame) -> Frame:
    """The frame at no more than `GRID` pixels of its longer side, by exact means: thresholds are a few grey levels."""
    height, width = frame.shape[:2]
    scale = min(1.0, GRID / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _everywhere(moving: Mask) -> bool:
    """Whether nearly all of the picture differs."""
    blocks = cv2.resize(moving.astype(np.float32), (8, 6), interpolation=cv2.INTER_AREA)
    return float(np.mean(blocks > 0.25)) > EVERYWHERE


def _observations(regions: list[Region], x_scale: float, y_scale: float) -> Observations:
    """Regions on the grid as boxes on the frame."""
    boxes = np.array([region.box for region in regions], dtype=np.float64).reshape(-1, 4)
    scores = np.array([region.score for region in regions], dtype=np.float64)
    return Observations(boxes * (x_scale, y_scale, x_scale, y_scale), scores, (LABEL,) * len(regions))
