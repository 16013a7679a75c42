"""What detections are read against: the video that they are of, as far as it is known."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.types import Box, Observations

log = logging.getLogger("vistream")

LABEL = "object"
FRACTION = 1.01
"""No corner of a normalised box lies beyond 1, but for rounding."""
SAME_SHAPE = 0.02
"""How far the aspect ratios of a picture and its smaller copy may be apart: sides are rounded to whole pixels."""

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Footage:
    """`frames`: how many, numbered from 0; `size`: (width, height) in pixels; None: not known.

    `names`: the files' names in order, where the frames are images. `first_pixel`: what MOT text calls the first pixel,
    1 as MOTChallenge does, or 0.
    """

    frames: int | None = None
    size: tuple[int, int] | None = None
    names: tuple[str, ...] = ()
    first_pixel: int = 1

    def scale(self, where: str) -> tuple[float, float]:
        """Width and height. Raises VistreamError, naming the file, where they are not known."""
        if self.size is None:
            raise VistreamError(f"{where}: its boxes are fractions of the frame, whose size is not known here")
        return float(self.size[0]), float(self.size[1])


NOTHING_KNOWN = Footage()


@dataclass(frozen=True, slots=True)
class Detected:
    """One object in one frame (from 0); `box` in pixels from 0.

    `picture`: (width, height) of what the pixels are of, where the file says it.
    """

    frame: int
    box: Box
    score: float = 1.0
    label: str = LABEL
    picture: Size | None = None


def stated_size(width: object, height: object) -> Size | None:
    """What a file says of its picture, as numbers or text; None where that is no size.

    >>> stated_size("640", 384), stated_size(0, 0), stated_size(None, 5)
    ((640, 384), None, None)
    """
    try:
        sides = int(str(width)), int(str(height))
    except ValueError:
        return None
    return sides if min(sides) > 0 else None


def scales_of(pictures: Iterable[Size | None], footage: Footage, where: str) -> dict[Size | None, tuple[float, float]]:
    """What brings places in pictures of these sizes to the frame's pixels, across and down; what is scaled is logged.

    Raises VistreamError for a picture of another shape: how it was fitted is not known.
    """
    scales: dict[Size | None, tuple[float, float]] = {}
    for picture in dict.fromkeys(pictures):
        scales[picture] = (1.0, 1.0)
        if picture is None or footage.size is None or picture == footage.size:
            continue
        across, down = footage.size[0] / picture[0], footage.size[1] / picture[1]
        (width, height), (w, h) = picture, footage.size
        told = f"{where}: it is of pictures of {width}x{height}, the frames are {w}x{h}"
        if abs(across / down - 1) > SAME_SHAPE:
            raise VistreamError(f"{told}, of another shape: give what was made for this size")
        log.warning("%s: its boxes are scaled to these", told)
        scales[picture] = (across, down)
    return scales


def in_frame(found: Iterable[Detected], footage: Footage, where: str) -> list[Detected]:
    """The same objects with their boxes in pixels of the frame, see `scales_of`."""
    listed = list(found)
    scales = scales_of((one.picture for one in listed), footage, where)
    return [replace(one, box=scaled(one.box, scales[one.picture])) for one in listed]


def scaled(box: Box, scale: tuple[float, float]) -> Box:
    """A box of a picture in pixels of the frame."""
    return box[0] * scale[0], box[1] * scale[1], box[2] * scale[0], box[3] * scale[1]


def by_frame(found: Iterable[Detected]) -> dict[int, Observations]:
    """Observations by frame, in the order given; frames without an object have no entry.

    >>> by_frame([Detected(3, (0, 0, 2, 2), 0.5, "car")])[3].labels
    ('car',)
    """
    frames: dict[int, list[Detected]] = {}
    for one in found:
        frames.setdefault(one.frame, []).append(one)
    return {
        frame: Observations(
            np.array([one.box for one in group], np.float64),
            np.array([one.score for one in group], np.float64),
            tuple(one.label for one in group),
        )
        for frame, group in frames.items()
    }


def are_fractions(boxes: NDArray[np.float64]) -> bool:
    """Whether boxes `[N, 4]`, (x, y, w, h), can only be fractions of a frame, 0..1: all lie in its first pixel.

    >>> are_fractions(np.array([[0.2, 0.3, 0.1, 0.3]])), are_fractions(np.array([[0.0, 0, 30, 40]]))
    (True, False)
    """
    if not len(boxes):
        return False
    ends = boxes[:, :2] + boxes[:, 2:]
    return bool((ends <= FRACTION).all() and (boxes >= 0).all() and (boxes != np.round(boxes)).any())


def in_pixels(boxes: NDArray[np.float64], footage: Footage, where: str) -> NDArray[np.float64]:
    """Boxes `[N, 4]` as they are, or scaled to the frame where they are fractions of it, which is logged."""
    if footage.size is None or not are_fractions(boxes):
        return boxes
    width, height = footage.size
    log.warning("%s: its boxes are fractions, 0 to 1: taken as parts of a frame of %dx%d", where, width, height)
    return boxes * np.array([width, height, width, height], np.float64)


def check_boxes(frames: Mapping[int, Observations], footage: Footage, where: str) -> None:
    """Log boxes that lie outside the frame; raises VistreamError where all do."""
    if footage.size is None or not frames:
        return
    width, height = footage.size
    boxes = np.concatenate([seen.boxes for seen in frames.values()])
    if not len(boxes):
        return
    ends = boxes[:, :2] + boxes[:, 2:]
    outside = (boxes[:, 0] >= width) | (boxes[:, 1] >= height) | (ends <= 0).any(1)
    if outside.all():
        raise VistreamError(
            f"{where}: every box lies outside the frame of {width}x{height}: it is of another video, or another size"
        )
    if outside.any():
        largest = f"{ends[:, 0].max():.0f}x{ends[:, 1].max():.0f}"
        log.warning(
            "%s: %d of %d boxes lie outside the frame of %dx%d (they reach to %s): is it of another size?",
            where, int(outside.sum()), len(boxes), width, height, largest,
        )  # fmt: skip
    elif _may_be_corners(boxes, width, height):
        log.warning(
            "%s: boxes reach beyond the frame of %dx%d, but would fit in it as corners, x1, y1, x2, y2; "
            "they are taken as x, y, width, height", where, width, height,
        )  # fmt: skip


def _may_be_corners(boxes: NDArray[np.float64], width: int, height: int) -> bool:
    """Whether boxes `[N, 4]` look like corners (x1, y1, x2, y2): some are far too large as they stand."""
    ends = boxes[:, :2] + boxes[:, 2:]
    beyond = (ends > (1.1 * width, 1.1 * height)).any()
    fit = (boxes[:, 2:] > boxes[:, :2]).all() and (boxes[:, 2:] <= (width + 1, height + 1)).all()
    return bool(beyond and fit)
