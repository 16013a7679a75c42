"""Shooting a clip: frame number in, picture and exact truth out. Nothing is remembered from one frame to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from demo.camera import Camera, Floats
from demo.cast import Clip
from demo.labels import Labels, Shown, majority
from demo.people import KEYPOINTS, Drawn, darken, draw
from demo.plaza import Place, build, named
from demo.sensor import Sensor

Box = tuple[int, int, int, int]
FINE = 2  # samples a pixel, each way
EASE = 0.12  # share of a turn in which the camera gathers speed


@dataclass(frozen=True)
class Seen:
    """One walker in one frame; pixels are 0-based, boxes (left, top, width, height).

    `body`: the box of the whole figure, covered parts too, clipped to the frame. `visible`: the box of the pixels
    that show, or None. `share`: pixels that show / pixels of the whole figure, beyond the frame too, 0..1.
    `keypoints`: `[17, 3]`, x, y (0 is the centre of the first pixel) and 1 where that joint can be seen.
    """

    id: int
    body: Box
    visible: Box | None
    share: float
    head: tuple[float, float, float, float]
    keypoints: Floats


@dataclass(frozen=True)
class Take:
    """One frame. `image`: uint8 RGB; `ids`: uint8 `[h, w]`, whose pixel it is, 0 for nobody's.

    `labels`: uint8 `[h, w]`, what it shows, as `labels.Shown` has it.
    """

    image: NDArray[np.uint8]
    ids: NDArray[np.uint8]
    labels: Labels
    seen: tuple[Seen, ...]


class Film:
    """A clip ready to be shot, frame by frame, in any order."""

    EXPOSURE = 0.86

    def __init__(self, clip: Clip, where: Place | None = None) -> None:
        """`where`: the place; without it, the one called as the clip is."""
        self.clip = clip
        width, height = clip.size
        centre = (width / 2, height / 2)
        self.camera = Camera(width, height, clip.focal, centre, clip.position, clip.pitch)
        yaws = np.linspace(*clip.turn, 9) if clip.turn[0] != clip.turn[1] else np.array(clip.turn[:1])
        self.scene = build(where or named(clip.name), self.camera.scaled(FINE).widened(yaws, 4))
        self.sensor = Sensor(width, height, self.EXPOSURE, clip.seed)

    def camera_at(self, frame: int) -> Camera:
        """The camera, in pixels of the finished picture, at a frame: a steady turn that starts and ends gently."""
        start, stop = self.clip.turn
        u = frame / max(self.clip.frames - 1, 1)
        if u < EASE:
            done = u * u / (2 * EASE)
        elif u > 1 - EASE:
            done = 1 - EASE - (1 - u) ** 2 / (2 * EASE)
        else:
            done = u - EASE / 2
        return replace(self.camera, yaw=start + (stop - start) * done / (1 - EASE))

    def shoot(self, frame: int) -> Take:
        """Frame `frame`, from 0."""
        coarse = self.camera_at(frame)
        camera = coarse.scaled(FINE)
        cast = [drawn for walker in self.clip.walkers if (drawn := draw(walker, self.scene, camera, frame))]
        picture = darken(self.scene.background(camera), cast, self.scene, coarse)
        depth = np.full((camera.height, camera.width), np.inf)
        ids = np.zeros(depth.shape, np.uint8)
        for drawn in cast:
            self._place(drawn, camera, picture, depth, ids)
        owner = owners(ids)
        seen = tuple(s for drawn in cast if (s := self._see(drawn, camera, depth, ids, owner)))
        place = majority(self.scene.labels_at(camera))
        labels = np.where(owner > 0, np.uint8(Shown.PERSON), place)
        return Take(self.sensor.expose(picture, frame), owner, labels, seen)

    def _place(
        self, drawn: Drawn, camera: Camera, picture: NDArray[np.float32], depth: Floats, ids: NDArray[np.uint8]
    ) -> None:
        """Put a walker into the frame, behind whatever is nearer."""
        layer = drawn.layer
        corner = np.array([layer.left, layer.top], np.float64)
        window = layer.window(
            np.maximum(corner, 0), np.minimum(corner + layer.depth.shape[::-1], (camera.width, camera.height))
        )
        if window is None:
            return
        rows, columns, x, y = window
        there = (
            slice(rows.start + layer.top, rows.stop + layer.top),
            slice(columns.start + layer.left, columns.stop + layer.left),
        )
        own = layer.depth[rows, columns]
        front = (own < depth[there]) & (own < self.scene.depth_at(camera, x, y))
        depth[there][front] = own[front]
        ids[there][front] = drawn.walker.id
        picture[there][front] = layer.colour[rows, columns][front]

    def _see(
        self, drawn: Drawn, camera: Camera, depth: Floats, ids: NDArray[np.uint8], owner: NDArray[np.uint8]
    ) -> Seen | None:
        """What of a walker is in the frame; None when no pixel of the whole figure falls into it."""
        layer = drawn.layer
        whole = owners(np.isfinite(layer.depth).astype(np.uint8)) > 0
        body = _clip(_bounds(whole), layer.left // FINE, layer.top // FINE, self.clip.size)
        if body is None:
            return None
        mine = owner == drawn.walker.id
        share = float(mine.sum() / whole.sum())
        head = np.array([*drawn.head.min(0), *drawn.head.max(0)]) / FINE
        box = (float(head[0]), float(head[1]), float(head[2] - head[0]), float(head[3] - head[1]))
        keypoints = np.c_[drawn.points / FINE - 0.5, _visible(drawn, depth, ids, owner)]
        return Seen(drawn.walker.id, body, _bounds(mine), share, box, keypoints)


def owners(ids: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """From the fine grid to pixels: the id that has most of a pixel's four samples, at least two; of equals the lower.

    >>> owners(np.array([[0, 0, 3, 3], [0, 2, 3, 1], [0, 2, 1, 1], [2, 0, 4, 4]], np.uint8)).tolist()
    [[0, 3], [2, 1]]
    """
    a, b, c, d = np.sort([ids[y::FINE, x::FINE] for y in range(FINE) for x in range(FINE)], axis=0)
    pair = np.where(c == d, c, 0)
    pair = np.where((b == c) & (b > 0), b, pair)
    out = np.where((a == b) & (a > 0), a, pair)
    return np.asarray(np.where((b == c) & (b == 0), 0, out), np.uint8)


def _bounds(mask: NDArray[np.bool_]) -> Box | None:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1)


def _clip(box: Box | None, left: int, top: int, size: tuple[int, int]) -> Box | None:
    if box is None:
        return None
    x0, y0 = max(box[0] + left, 0), max(box[1] + top, 0)
    x1, y1 = min(box[0] + left + box[2], size[0]), min(box[1] + top + box[3], size[1])
    return (x0, y0, x1 - x0, y1 - y0) if x1 > x0 and y1 > y0 else None


def _visible(drawn: Drawn, depth: Floats, ids: NDArray[np.uint8], owner: NDArray[np.uint8]) -> Floats:
    """1 where pixel and sample at a joint are the walker's own and only its flesh and cloth lie in front, else 0."""
    thick = np.array(list(KEYPOINTS.values())) * (drawn.walker.body.height / 1.75)
    out = np.zeros(len(drawn.points))
    for k, (x, y) in enumerate(np.floor(drawn.points).astype(int)):
        if not (0 <= x < ids.shape[1] and 0 <= y < ids.shape[0]):
            continue
        own = ids[y, x] == drawn.walker.id == owner[y // FINE, x // FINE]
        out[k] = own and drawn.depths[k] - depth[y, x] <= thick[k]
    return out
