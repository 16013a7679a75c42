"""Boxes that are turned about their centres, `[N, 5]` as (centre x, centre y, width, height, angle in radians)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.detect.agreement import overlap
from vistream.detect.candidates import Floats


def around(boxes: Floats) -> Floats:
    """The corners `[N, 4]` of the upright boxes around them.

    >>> around(np.array([[2.0, 1, 4, 2, np.pi / 2]])).round(6).tolist()
    [[1.0, -1.0, 3.0, 3.0]]
    """
    half, angles = boxes[:, 2:4] / 2, boxes[:, 4]
    cosine, sine = np.abs(np.cos(angles)), np.abs(np.sin(angles))
    reach = np.stack([half[:, 0] * cosine + half[:, 1] * sine, half[:, 0] * sine + half[:, 1] * cosine], 1)
    return np.concatenate([boxes[:, :2] - reach, boxes[:, :2] + reach], 1)


def turned_overlap(first: Floats, second: Floats) -> float:
    """Intersection over union of two.

    >>> round(turned_overlap(np.array([0.0, 0, 4, 2, 0]), np.array([0, 0, 4, 2, np.pi / 2])), 6)
    0.333333
    """
    first_corners, second_corners = (_outline(box, first[:2]) for box in (first, second))
    shared, _ = cv2.intersectConvexConvex(first_corners, second_corners)
    joint = float(first[2] * first[3] + second[2] * second[3]) - shared
    return shared / joint if joint > 0 else 0.0


def without_duplicates(boxes: Floats, labels: NDArray[np.intp], limit: float) -> NDArray[np.intp]:
    """Of boxes, best first, the rows of those that overlap no better one of their class by more than `limit`."""
    corners = around(boxes)
    kept: list[int] = []
    for row in range(len(boxes)):
        near = overlap(corners[[row]], corners[kept])[0] > 0
        rivals = np.array(kept, np.intp)[near & (labels[kept] == labels[row])]
        if all(turned_overlap(boxes[row], boxes[rival]) <= limit for rival in rivals):
            kept.append(row)
    return np.array(kept, np.intp)


def _outline(box: Floats, origin: Floats) -> NDArray[np.float32]:
    """Its corners `[4, 2]`, one after the other, seen from a near `origin`: OpenCV computes in 32 bits."""
    right = np.array([np.cos(box[4]), np.sin(box[4])]) * box[2] / 2
    down = np.array([-np.sin(box[4]), np.cos(box[4])]) * box[3] / 2
    corners = np.array([-right - down, right - down, right + down, down - right])
    return np.asarray(box[:2] - origin + corners, np.float32)
