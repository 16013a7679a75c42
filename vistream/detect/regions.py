"""From moving pixels to the few regions that are objects: large, compact, clear and lasting.

Sizes are in pixels of the grid that the background model works on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from vistream.detect.background import Difference, Mask, Plane
from vistream.types import Frame, Warp

GRID = 384  # the longer side of that grid; `JOIN` and `LEAST_SIDE` hold there and shrink with a smaller frame
JOIN = 9  # height of the gaps that are closed: people come apart at belt and knees, and walk side by side
LEAST_SIDE = 3
LEAST_AREA = 0.0004  # of the frame
LEAST_FILL = 0.2  # of the box
LONGEST = 8.0  # longer side over shorter
CLEAR = 2.0  # contrast that a tenth of the region must have: drifting light has less
GHOST_STEADY = 0.8  # share of a ghost's pixels that keep their colour
GHOST_EDGE = 0.8  # strength of its outline in the frame, over that in the background
MOVING_PART = 0.75  # quantile of its pixels' drift that counts: a box holds some of what is behind, too
LEAST_DRIFT, TIMES_USUAL = 0.5, 3.0  # pixels a frame, and over the picture's median, that something moves by

GridBox = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Region:
    """A moving region, `box` being (x, y, w, h), and for how many frames and seconds it has been there.

    `score`: mean of c / (1 + c) over its pixels, c being their contrast.
    """

    box: GridBox
    score: float
    frames: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What one frame shows: regions, the pixels they cover, and the pixels an object has left."""

    regions: list[Region]
    objects: Mask
    ghosts: Mask


def find_regions(difference: Difference, frame: Frame, usual: Plane) -> Finding:
    """The regions of one frame uint8 `[h, w, 3]` before a background float32 `[h, w, 3]`; pieces are joined."""
    shrink = min(1.0, max(frame.shape[:2]) / GRID)
    gap = np.ones((max(1, round(JOIN * shrink)) | 1, 1), np.uint8)  # odd: an even one moves all by a pixel
    clean = cv2.medianBlur(difference.moving.view(np.uint8), 3)
    joined = cv2.morphologyEx(clean, cv2.MORPH_CLOSE, gap)
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(joined)
    objects, ghosts = np.zeros(joined.shape, np.bool_), np.zeros(joined.shape, np.bool_)
    regions = []
    for number, (x, y, w, h, area) in enumerate(stats[1:].tolist(), start=1):
        if not _is_plausible(w, h, area, objects.size, max(1, round(LEAST_SIDE * shrink))):
            continue
        here = np.s_[max(0, y - 2) : y + h + 2, max(0, x - 2) : x + w + 2]  # the outline has two sides
        region = numbers[here] == number
        contrast = difference.contrast[here][region & (clean[here] > 0)]
        if np.quantile(contrast, 0.9) < CLEAR:
            continue
        objects[here] |= region
        if _is_ghost(region, frame[here], usual[here], difference.steady[here]):
            ghosts[here] |= region
        else:
            regions.append(Region((x, y, w, h), float(np.mean(contrast / (1 + contrast)))))
    return Finding(_merged(regions), objects, ghosts)


def continued(region: Region, before: list[Region], seconds: float) -> Region:
    """The region with its age: that of the oldest region it touches in the last frame, `seconds` ago, and one more."""
    touched = [old for old in before if min(_overlap(region.box, old.box)) > 0]
    frames = 1 + max((old.frames for old in touched), default=0)
    return replace(region, frames=frames, seconds=seconds + max((old.seconds for old in touched), default=0.0))


def moved(region: Region, camera: Warp) -> Region:
    """The region where the camera's motion takes it."""
    x, y, w, h = region.box
    left, top = (camera[:, :2] @ (x, y) + camera[:, 2]).tolist()
    return replace(region, box=(round(left), round(top), w, h))


def moving_otherwise(regions: list[Region], drift: Plane) -> list[Region]:
    """Those that move otherwise than the camera, by `drift`, pixels a frame `[h, w]`: clearly more than what is near or
    far and stands still, which a moving camera shifts as well."""
    least = max(LEAST_DRIFT, TIMES_USUAL * float(np.median(drift)))
    found = []
    for region in regions:
        x, y, w, h = region.box
        if np.quantile(drift[y : y + h, x : x + w], MOVING_PART) > least:
            found.append(region)
    return found


def _is_plausible(w: int, h: int, area: int, pixels: int, least_side: int) -> bool:
    """Large enough to be more than noise, and no line."""
    long, short = max(w, h), min(w, h)
    large = area >= LEAST_AREA * pixels and short >= least_side
    return large and long <= LONGEST * short and area >= LEAST_FILL * w * h


def _is_ghost(region: Mask, now: Frame, usual: Plane, steady: Plane) -> bool:
    """Whether an object left this place, so that the background is what is wrong.

    Nothing moves inside any more, and the region's outline is an edge of the background rather than of the frame
    (the idea of Cucchiara et al., "Detecting moving objects, ghosts, and shadows in video streams", 2003).
    """
    if np.mean(steady[region] > 0) < GHOST_STEADY:
        return False
    outline = cv2.morphologyEx(region.view(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    return _edge(now.astype(np.float32), outline) < GHOST_EDGE * _edge(usual, outline)


def _edge(colours: Plane, where: Mask) -> float:
    """Mean gradient of the brightness at the pixels `where`."""
    grey = cv2.cvtColor(np.ascontiguousarray(colours), cv2.COLOR_RGB2GRAY)
    slopes = cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    return float(np.mean(slopes[where]))


def _merged(regions: list[Region]) -> list[Region]:
    """Pieces of one object made one: the piece below or above, and the piece inside."""
    whole: list[Region] = []
    for region in sorted(regions, key=lambda region: -region.box[2] * region.box[3]):
        for i, other in enumerate(whole):
            if _belong_together(region.box, other.box):
                whole[i] = _union(other, region)
                break
        else:
            whole.append(region)
    return whole


def _overlap(a: GridBox, b: GridBox) -> tuple[int, int]:
    """Shared (width, height); negative where there is a gap."""
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    return across, min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])


def _belong_together(a: GridBox, b: GridBox) -> bool:
    """
    >>> _belong_together((0, 0, 10, 20), (1, 22, 9, 10)), _belong_together((0, 0, 10, 20), (12, 0, 10, 20))
    (True, False)
    """
    across, down = _overlap(a, b)
    return across >= 0.5 * min(a[2], b[2]) and -down <= 0.15 * max(a[3], b[3])


def _union(a: Region, b: Region) -> Region:
    x, y = min(a.box[0], b.box[0]), min(a.box[1], b.box[1])
    w = max(a.box[0] + a.box[2], b.box[0] + b.box[2]) - x
    h = max(a.box[1] + a.box[3], b.box[1] + b.box[3]) - y
    weights = a.box[2] * a.box[3], b.box[2] * b.box[3]
    return Region((x, y, w, h), float(np.average((a.score, b.score), weights=weights)))
