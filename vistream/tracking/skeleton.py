"""Skeletons as shapes: which joints a limb joins, by their names, and the mask that a skeleton covers."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.types import Box

Keypoints = NDArray[np.float64]

TRUNK = ("left_shoulder", "right_shoulder", "right_hip", "left_hip")
_SIDES = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
LIMBS = (
    *zip(TRUNK, (*TRUNK[1:], TRUNK[0]), strict=True),
    *((f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in _SIDES),
    *(("nose", "head_bottom"), ("head_bottom", "head_top"), ("neck", "head_top"), ("nose", "neck")),
    *(("nose", f"{side}_eye") for side in ("left", "right")),
    *((f"{side}_eye", f"{side}_ear") for side in ("left", "right")),
)
"""Pairs of joints, under the names of COCO, PoseTrack and MPII; a skeleton has those whose two ends it knows."""


def limbs(joints: Sequence[str]) -> list[tuple[int, int]]:
    """The limbs of a skeleton as pairs of positions in `joints`.

    >>> limbs(("nose", "left_wrist", "left_elbow"))
    [(2, 1)]
    """
    place = {name: number for number, name in enumerate(joints)}
    return [(place[a], place[b]) for a, b in LIMBS if a in place and b in place]


def skeleton_mask(keypoints: Keypoints, joints: Sequence[str], size: tuple[int, int]) -> NDArray[np.bool_]:
    """What a skeleton `[K, 3]` covers of a frame of `size` (width, height): trunk filled, limbs as thick lines.

    Joints of confidence 0 are not there. A line is as wide as 1/20 of the skeleton's extent, 8 pixels at the least
    (UniTrack's rule); a joint without a limb is a dot of that width. Bool `[height, width]`.
    """
    mask = np.zeros(size[::-1], np.uint8)
    seen = keypoints[:, 2] > 0
    if not seen.any():
        return mask > 0
    points = np.clip(np.rint(keypoints[:, :2]), -1e4, 1e4).astype(np.int32)
    width = round(max(float(np.ptp(points[seen], axis=0).max()) / 20, 8.0))
    trunk = [number for number in (list(joints).index(name) for name in TRUNK if name in joints) if seen[number]]
    if len(trunk) >= 3:
        cv2.fillPoly(mask, [points[trunk]], 1)
    for a, b in limbs(joints):
        if seen[a] and seen[b]:
            cv2.line(mask, points[a].tolist(), points[b].tolist(), 1, width)
    for point in points[seen]:
        cv2.circle(mask, point.tolist(), width // 2, 1, cv2.FILLED)
    return mask > 0


def around(keypoints: Keypoints) -> Box:
    """The smallest box (x, y, w, h) around the joints of `[K, 3]` that are there, of which there is one.

    >>> around(np.array([[1.0, 2, 1], [5, 4, 0.5], [9, 9, 0]]))
    (1.0, 2.0, 4.0, 2.0)
    """
    points = keypoints[keypoints[:, 2] > 0, :2]
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return left, top, right - left, bottom - top
