"""Movement: which parts of a window show something else than stood there a few frames ago, the camera taken out.

What a large object is found by is often true of what it stands before as well: a post, a wall, a fence. But that stays
where it is once the camera's motion is taken out, and the object does not. So the cells of a search window are compared
with what the same places showed earlier. A place counts more where as much moves as in the object's box lately, and of
the object's first box those cells count more that move with it; where the object stands still, nothing is said.

Small boxes are left alone: in the few cells of the feature map that they cover, one movement is not told from the next,
and whoever passes by would draw the box along.
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
SMALL = 12.0  # cells of the feature map: boxes of which one side covers fewer are left alone
FRAMES = 30  # in which it is learned which cells of the first box move
MOVES = 0.3  # mean share that the most moving cell must have, else none is preferred
LEAST = 0.1  # weight of a cell that never moves, beside the most moving one


@dataclass(slots=True)
class _Past:
    """An earlier window: vectors `[h, w, C]`, and boxes `[2, 4]` in the present frame: its own, and what it saw."""

    vectors: Grid
    boxes: Box


@dataclass(slots=True)
class Movement:
    """What is known of one object.

    `past`: earlier windows. `moved`: see `compare`, of the present one, whose box is `window`. `usual`: the share of
    the object's box that moved lately; 0 where none is known. `shares`: the mean share of each of its cells in the
    first `frames`, 0..1 `[n, n]`.
    """

    past: deque[_Past] = field(default_factory=lambda: deque(maxlen=LAG))
    moved: Grid | None = None
    window: Box | None = None
    usual: float = 0.0
    shares: Grid | None = None
    frames: int = 0

    def carry(self, camera: Warp) -> None:
        """The camera moved: so did all that was seen earlier. Rotations are left out."""
        for past in self.past:
            past.boxes = carried(past.boxes, camera)

    def compare(self, window: Grid, middle: Grid, box: Box, frame: Box) -> Grid:
        """How much moved in each cell of a window, 0..1 `[g, g]`, g odd. The window is kept for later.

        `window`: vectors `[g, g, C]` less their mean `middle`, `[C]`; `box`: `[4]`, of the window; `frame`: what of the
        frame is known well, see `known`.
        """
        grid, self.window = len(window), box
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
        self.moved = np.asarray(zoom(moved, grid / len(now), order=1), np.float32)
        return self.moved

    def found(self, box: Box, cells: int) -> Grid | None:
        """The object was found in this `box`, `[4]`.

        Returns the weights that the cells `[cells, cells]` of its first box have by now; None: they stay.
        """
        assert self.moved is not None and self.window is not None, "compare comes first"
        width, height = (self.window[2:] / len(self.moved)).tolist()
        place = np.hstack([box[:2] - self.window[:2], box[2:]])[None]
        part = roi_align(FeatureMap(self.moved[:, :, None], (width, height)), place, (cells, cells))
        shares = part[0].reshape(cells, cells)
        self.frames += 1
        self.usual += (RATE if self.frames > 1 else 1.0) * (float(shares.mean()) - self.usual)
        if self.frames > FRAMES:
            return None
        self.shares = shares if self.shares is None else self.shares + (shares - self.shares) / np.float32(self.frames)
        return movement_weights(self.shares)


def tells(size: tuple[float, float], stride: tuple[float, float]) -> bool:
    """Whether movement says anything of a box of this size (width, height), in pixels.

    >>> tells((100.0, 100.0), (8.0, 8.0)), tells((40.0, 200.0), (8.0, 8.0))
    (True, False)
    """
    return min(size[0] / stride[0], size[1] / stride[1]) >= SMALL


def movement_weights(shares: Grid) -> Grid:
    """Weights of the cells of a box, by the share of the time that each has moved; all 1 where none has moved enough.

    >>> movement_weights(np.array([[0.5, 0.0], [0.25, 0.125]], np.float32)).round(2)
    array([[1.1 , 0.1 ],
           [0.6 , 0.35]], dtype=float32)
    """
    most = float(shares.max())
    return np.asarray(LEAST + shares / np.float32(most), np.float32) if most >= MOVES else np.ones_like(shares)


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
