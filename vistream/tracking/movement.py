"""Movement: which parts of a window show something else than stood there a few frames ago, the camera taken out.

What an object is found by is often true of what it stands before as well: a post, a wall, a fence. But that stays where
it is once the camera's motion is taken out, and the object does not. So the cells of a search window are compared with
what the same places showed earlier, and a place counts more where as much moves as in the object's box lately. Where
the object stands still, nothing is said: others that pass by must not draw its box along.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter, zoom

from vistream.tracking.correlation import unit
from vistream.tracking.roi import roi_align
from vistream.types import FeatureMap, Warp

Grid = NDArray[np.float32]
Box = NDArray[np.float64]

LAG = 4  # frames between what is compared: in one frame little moves by a cell
SAME, OTHER = 0.9, 0.5  # cosines: from the one on nothing has moved, up to the other all has
EDGE = 1.5  # cells of the feature map along the border of the frame that know too little of what lies there
RATE = 0.1  # of the newest frame in the usual share of the box that moves


@dataclass(slots=True)
class _Past:
    """An earlier window: vectors `[h, w, C]`, and boxes `[2, 4]` in the present frame: its own, and what it saw."""

    vectors: Grid
    boxes: Box


@dataclass(slots=True)
class Movement:
    """What is known of one object: earlier windows, and the share of its box that usually moves; None: not known."""

    past: deque[_Past] = field(default_factory=lambda: deque(maxlen=LAG))
    usual: float | None = None

    def carry(self, camera: Warp) -> None:
        """The camera moved: so did all that was seen earlier. Rotations are left out."""
        for past in self.past:
            past.boxes = carried(past.boxes, camera)

    def compare(self, window: Grid, middle: Grid, box: Box, frame: Box) -> Grid:
        """How much moved in each cell of a window, 0..1 `[g, g]`, g odd; and keep the window for later.

        `window`: vectors `[g, g, C]` less their mean `middle`, `[C]`; `box`: `[4]`, of the window; `frame`: what of the
        frame is known well, see `known`.
        """
        grid = len(window)
        box = _widened(box, (grid + 1) / grid)
        now = window[::2, ::2]  # of every second cell, so that it covers half a cell more on each side
        seen = _common(box, frame)
        moved = np.zeros(now.shape[:2], np.float32)
        if self.past:
            past, (whole, there) = self.past[0].vectors, self.past[0].boxes
            stride = whole[2] / past.shape[1], whole[3] / past.shape[0]
            place = np.array([[box[0] - whole[0], box[1] - whole[1], box[2], box[3]]])
            before = roi_align(FeatureMap(past, stride), place, now.shape[:2])[0].reshape(now.shape)
            cosine = (unit(now) * unit(before - middle)).sum(axis=2)
            moved = np.clip((SAME - cosine) / (SAME - OTHER), 0.0, 1.0) * _covered(box, _common(seen, there), len(now))
        self.past.append(_Past(now + middle, np.array([box, seen])))
        return np.asarray(zoom(moved, grid / len(now), order=1), np.float32)

    def found(self, share: float) -> None:
        """The object was found where this share, 0..1, of its box moves."""
        self.usual = share if self.usual is None else self.usual + RATE * (share - self.usual)


def mean_in_box(moved: Grid, side: float) -> Grid:
    """The mean of a box of about `side` cells around each cell of `[g, g]`; beyond them nothing moves."""
    return np.asarray(uniform_filter(moved, 2 * round((side - 1) / 2) + 1, mode="constant"), np.float32)


def known(size: tuple[float, float], stride: tuple[float, float]) -> Box:
    """The box `[4]` of a frame of `size` (width, height) without the cells along its border.

    >>> known((100.0, 60.0), (8.0, 8.0)).tolist()
    [12.0, 12.0, 76.0, 36.0]
    """
    (width, height), (x, y) = size, (EDGE * stride[0], EDGE * stride[1])
    return np.array([x, y, max(0.0, width - 2 * x), max(0.0, height - 2 * y)])


def carried(boxes: Box, camera: Warp) -> Box:
    """Boxes `[N, 4]` where the camera's motion puts them: the centres moved, the sizes zoomed.

    >>> carried(np.array([[0.0, 0.0, 10.0, 20.0]]), np.array([[2.0, 0.0, 1.0], [0.0, 2.0, 0.0]])).tolist()
    [[1.0, 0.0, 20.0, 40.0]]
    """
    sizes = boxes[:, 2:] * np.sqrt(abs(np.linalg.det(camera[:, :2])))
    centres = (boxes[:, :2] + boxes[:, 2:] / 2) @ camera[:, :2].T + camera[:, 2]
    return np.hstack([centres - sizes / 2, sizes])


def _widened(box: Box, factor: float) -> Box:
    size = box[2:] * factor
    return np.hstack([box[:2] + (box[2:] - size) / 2, size])


def _common(one: Box, other: Box) -> Box:
    """What two boxes share; without width or height where that is nothing."""
    start = np.maximum(one[:2], other[:2])
    return np.hstack([start, np.maximum(np.minimum(one[:2] + one[2:], other[:2] + other[2:]) - start, 0.0)])


def _covered(box: Box, by: Box, cells: int) -> NDArray[np.bool_]:
    """Which cells `[cells, cells]` of a box have their centre in another one."""
    steps = (np.arange(cells) + 0.5) / cells
    across, down = (
        (box[axis] + box[axis + 2] * steps >= by[axis]) & (box[axis] + box[axis + 2] * steps <= by[axis] + by[axis + 2])
        for axis in (0, 1)
    )
    return np.asarray(down[:, None] & across)
