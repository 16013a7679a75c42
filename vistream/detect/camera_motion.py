"""How the camera moved between two frames: a similarity from sparse flow outside the objects.

Corners of the frame are followed back to an earlier one (Lucas and Kanade, with pyramids), and a robust fit (RANSAC)
keeps what moves as one. A frame in which the picture stands still costs a comparison of blocks and no more. The earlier
frame stays the same until the picture has moved, so that a slow pan is not taken for no motion at all.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.detect.camera import Grey, block_gradients, grey_of, still_share
from vistream.types import Frame, Warp

Points = NDArray[np.float32]

LONGEST = 640  # pixels of the longer side that flow is computed on, at the most
STILL_ENOUGH = 0.5  # share of the textured blocks that stand still where the camera does
CORNERS, QUALITY, APART = 300, 0.005, 7  # corners followed, at the most; their least quality; pixels between two
WINDOW, LEVELS = (21, 21), 4  # of the flow: what it compares, and how often it halves the frame
RETURN = 1.0  # pixels by which a corner that is followed forth and back may miss
TOLERANCE = 1.5  # pixels by which a corner of what stands still may miss the camera's motion
LEAST_CORNERS, LEAST_SHARE = 12, 0.3  # that must agree
LARGEST_ZOOM = 1.3  # between two frames; more is a wrong fit, or a cut
SMALLEST = 32  # pixels of the shorter side from which dense flow can be had
LEAST_FREE = 0.1  # of the frame that objects must leave; where they cover more, their corners count too


class CameraMotion:
    """Follows the camera of one video. `key`, the frame compared with (None: none yet), is its whole state.

    What is known of that frame alone is kept as long as it stays, which before a fixed camera is always.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything: another video begins."""
        self.key: Grey | None = None
        self._gradients: NDArray[np.float32] | None = None

    def step(self, frame: Frame, boxes: NDArray[np.float64]) -> Warp | None:
        """The motion since the last frame, None where there was none, or none could be found.

        `frame`: uint8 `[h, w, 3]`, RGB. `boxes`: (x, y, w, h) of the objects, `[N, 4]`: their corners don't count.
        """
        smaller = -(-max(frame.shape[:2]) // LONGEST)  # times, a whole number: frames are shrunk far quicker so
        if min(frame.shape[:2]) < smaller:  # a line
            return None
        grey = grey_of(frame, smaller)
        key = self.key
        if key is None or key.shape != grey.shape:
            self._keep(grey)
            return None
        if self._gradients is None:
            self._gradients = block_gradients(key)
        if still_share(key, grey, self._gradients) >= STILL_ENOUGH:
            return None
        self._keep(grey)
        motion = similarity(key, grey, background(grey, boxes / smaller))
        if motion is not None:
            motion[:, 2] *= smaller
        return motion

    def _keep(self, grey: Grey | None) -> None:
        self.key, self._gradients = grey, None

    def state_dict(self) -> dict[str, Any]:
        return {"key": self.key}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._keep(state["key"])


def background(grey: Grey, boxes: NDArray[np.float64]) -> Grey:
    """255 where no box covers a frame `[h, w]`, 0 elsewhere; 255 everywhere if too little is left."""
    free = np.full(grey.shape, 255, np.uint8)
    for x, y, w, h in boxes.tolist():
        free[max(0, int(y)) : max(0, int(y + h) + 1), max(0, int(x)) : max(0, int(x + w) + 1)] = 0
    return free if np.count_nonzero(free) >= LEAST_FREE * free.size else np.full_like(free, 255)


def similarity(before: Grey, now: Grey, where: Grey) -> Warp | None:
    """The rotation, scale and shift that take points of `before` to `now`; None where too few corners agree."""
    corners = cv2.goodFeaturesToTrack(now, CORNERS, QUALITY, APART, mask=where)
    if corners is None or len(corners) < LEAST_CORNERS:
        return None
    points = np.asarray(corners, np.float32)
    back, found = _flow(now, before, points)
    again, found_again = _flow(before, now, back)
    good = found & found_again & (np.abs(again - points).max(axis=(1, 2)) < RETURN)
    if np.count_nonzero(good) < LEAST_CORNERS:
        return None
    motion, agree = cv2.estimateAffinePartial2D(
        back[good], points[good], method=cv2.RANSAC, ransacReprojThreshold=TOLERANCE
    )
    if motion is None or np.count_nonzero(agree) < max(LEAST_CORNERS, LEAST_SHARE * np.count_nonzero(good)):
        return None
    zoom = float(np.sqrt(abs(np.linalg.det(motion[:, :2]))))
    return np.asarray(motion, np.float64) if 1 / LARGEST_ZOOM < zoom < LARGEST_ZOOM else None


def drift(before: Grey, now: Grey, camera: Warp) -> NDArray[np.float32]:
    """By how many pixels each point of `before` moved otherwise than `camera` says: float32 `[h, w]`.

    Dense flow by inverse search (Kroeger et al., ECCV 2016); 0 where the frames are too small for it.
    """
    if min(before.shape) < SMALLEST:
        return np.zeros(before.shape, np.float32)
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    flow = search.calc(before, now, np.zeros((*before.shape, 2), np.float32))
    rows, columns = np.indices(before.shape, np.float32)
    still = np.einsum("ij,jhw->hwi", camera, np.stack([columns, rows, np.ones_like(rows)])) - np.dstack([columns, rows])
    return np.asarray(np.linalg.norm(flow - still, axis=2), np.float32)


def _flow(start: Grey, end: Grey, points: Points) -> tuple[Points, NDArray[np.bool_]]:
    guess = np.zeros_like(points)  # is not read, without a flag that says so
    moved, found, _ = cv2.calcOpticalFlowPyrLK(start, end, points, guess, winSize=WINDOW, maxLevel=LEVELS)
    return np.asarray(moved, np.float32), found.reshape(-1) > 0
