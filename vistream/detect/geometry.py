"""Whether a file's boxes can be boxes, and whether they are in pixels: told from where their corners lie.

Shapes and scores alone let a file pass whose corners are shares of the picture, or (x, y, width, height), or offsets
from anchors. Looked at are the rows of a dry run, or where it has none, the first frame that has boxes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vistream.detect.candidates import Candidates, Floats
from vistream.detect.turned import around

FEW = 0.1  # of the boxes: so many may be odd in a sound network
NEAR = 2.0  # pixels from 0: no picture has all its boxes within
SMALLEST = 64  # pixels of the shorter side from which that says something
SLACK, EDGE = 0.25, 0.05  # of the input: how far what is cut off may reach, and mostly does

Size = tuple[int, int]


def known(found: Candidates) -> Floats:
    """The corners `[N, 4]` that say something: lists are filled up with rows of zeros, or without a score."""
    return np.asarray(found.corners[(found.scores > 0) & (found.corners != 0).any(1)])


def are_shares(found: Candidates, size: Size) -> bool:
    """Whether corners must be shares of an input of `size` (width, height), as all lie next to 0."""
    corners = known(found)
    return len(corners) > 0 and min(size) >= SMALLEST and float(np.abs(corners).max()) <= NEAR


def in_pixels(found: Candidates, size: Size) -> Candidates:
    """What is in shares of an input of `size` (width, height), in its pixels."""
    points = None if found.keypoints is None else found.keypoints * np.array([*size, 1])
    if found.turned is None:
        return replace(found, corners=found.corners * np.array(size * 2), keypoints=points)
    boxes = found.turned * np.array([*size, *size, 1])  # angles are of the picture's pixels
    return replace(found, corners=around(boxes), keypoints=points, turned=boxes)


def oddity(found: Candidates, size: Size, queries: bool) -> str | None:
    """What speaks against these being boxes, or None.

    `queries`: they come from (centre x, centre y, w, h) in shares of the input, so that they lie in it.
    """
    corners = known(found)
    if not len(corners):
        return None
    spans = corners[:, 2:] - corners[:, :2]
    if (turned := float((spans < 0).any(1).mean())) > FEW:
        return f"in {100 * turned:.0f} % of its boxes the second corner would lie left of or above the first"
    if not queries:
        return None
    centres = (corners[:, :2] + corners[:, 2:]) / 2 / size
    outside = (centres < -SLACK) | (centres > 1 + SLACK) | (spans / size > 1 + SLACK)
    if (share := float(outside.any(1).mean())) > FEW:
        return f"{100 * share:.0f} % of its boxes would lie outside the picture: they are no shares of it"
    over = np.abs(corners / (size * 2) - 0.5).max(1) > 0.5 + EDGE  # a sound box ends where the picture does
    if float(over.mean()) > FEW and bool((spans / size > centres).all()):
        return "its boxes would be corners, not centres and sizes"
    return None
