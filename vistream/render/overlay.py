"""Draw what was found onto the frame: class maps, masks, trails, boxes with ids, key points, the work done.

One function a kind. Sizes follow the frame, so that a 4K picture and a thumbnail look alike; what does not fit
is left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.kernels.shrinking import shrink
from vistream.render.chips import Chips
from vistream.render.class_overlay import draw_borders, draw_class_map, draw_legend
from vistream.render.colours import Colour, colour_of
from vistream.render.places import draw_place, note_corner
from vistream.render.shapes import draw_limbs
from vistream.render.style import PLAIN, Style
from vistream.render.text import TextPainter
from vistream.tracking.places import LINE, Place
from vistream.tracking.tally import Tally
from vistream.types import Frame, Result, Track, Warp

TRAIL_SECONDS = 3.0
TRAIL_POINTS = 30
MASK_STRENGTH = 0.45
INSET_WIDTH = 0.22  # of the frame
STRIP_DARKNESS = 0.6
FONT_HEIGHT = 1 / 38  # of the frame's shorter side
SMALLEST_FONT = 9
UNTOLD = ("object", "moving", "")  # labels that say nothing, so they are not written
BLACK: Colour = (12, 12, 12)
WHITE: Colour = (240, 240, 240)
ACTIVE: Colour = (255, 176, 0)
FAR = 30_000.0  # pixels
SMALLEST_BOX = 2  # pixels: a far object is still a box, and no point
KMH = 3.6  # of a metre a second
WIDEST_CHIP = 0.2  # of the picture: a label may be so wide over a narrow box


@dataclass(slots=True)
class _Trail:
    """Where a track has been: (frame, x, y), oldest first."""

    points: deque[tuple[int, float, float]] = field(default_factory=deque)

    def follow(self, camera: Warp) -> None:
        """Take the points along with the camera."""
        (a, b, x0), (c, d, y0) = camera.tolist()
        self.points = deque((frame, a * x + b * y + x0, c * x + d * y + y0) for frame, x, y in self.points)


class Overlay:
    """Draws results onto the frames of one video of `size` (width, height) at `fps`; it remembers the trails.

    `joints` names the key points; without names only dots are drawn. `places`: lines and zones, which are drawn with
    what was counted there.
    """

    def __init__(
        self,
        size: tuple[int, int],
        fps: float,
        joints: Sequence[str] = (),
        places: Sequence[Place] = (),
        style: Style = PLAIN,
    ) -> None:
        self.size = size
        self._joints = tuple(joints)
        self._places = tuple(places)
        self._tally = Tally()
        shorter = min(size)
        self._style = style
        self._line = style.line or max(1, round(shorter / 300))
        self._text = TextPainter(max(SMALLEST_FONT, round(shorter * FONT_HEIGHT)))
        self._pad = max(1, self._text.height // 5)
        self._trail_frames = max(1, round(TRAIL_SECONDS * fps))
        self._trails: dict[int, _Trail] = {}

    def draw(self, frame: Frame, result: Result, status: str) -> Frame:
        """A copy of `frame` (uint8 `[H, W, 3]`, RGB) with `result` on it and `status` in a strip along its top."""
        picture = frame.copy()
        top = self._strip_height(picture) if status else 0
        if result.class_map is not None:
            draw_class_map(picture, result.class_map)
            if result.class_map.ids is not None:
                draw_borders(picture, result.class_map.ids)
        for track in result.tracks:
            if track.mask is not None:
                draw_mask(picture, track.mask, colour_of(track.id))
        self.follow(result)
        for place in self._places:
            draw_place(picture, place, self._line)
        for identity, trail in self._trails.items() if self._style.trails else ():
            draw_trail(picture, trail.points, result.frame, self._trail_frames, colour_of(identity), self._line)
        for track in result.tracks:
            draw_box(picture, track, self._line)
        chips = Chips((picture.shape[1], picture.shape[0]), self._text.height, top)
        for track in result.tracks:
            if track.keypoints is not None:
                draw_limbs(picture, track.keypoints, self._joints, colour_of(track.id), 2 * self._line)
                draw_keypoints(picture, track.keypoints, colour_of(track.id), self._line)
            if self._style.labels:
                self._draw_chip(picture, track, chips)
        for place in self._places:
            self._draw_note(picture, place)
        if result.activity is not None and self._style.map:
            self._draw_activity(picture, frame, result.activity)
        if status:
            self._draw_status(picture, status)
        if result.class_map is not None:
            draw_legend(picture, result, self._text, top)
        return picture

    def follow(self, result: Result) -> None:
        """Add up the events; lengthen the trails by this frame's boxes (the middle of the lower edge).

        What is too old is dropped.
        """
        self._tally.add(result)
        if result.camera is not None:
            for trail in self._trails.values():
                trail.follow(result.camera)
        step = max(1, self._trail_frames // TRAIL_POINTS)
        for track in result.tracks:
            points = self._trails.setdefault(track.id, _Trail()).points
            x, y, w, h = track.box
            if len(points) > 1 and points[-1][0] - points[-2][0] < step:
                points.pop()  # the newest point always is the present one; the others keep their distance in time
            points.append((result.frame, x + w / 2, y + h))
        for identity in list(self._trails):
            points = self._trails[identity].points
            while points and points[0][0] < result.frame - self._trail_frames:
                points.popleft()
            if not points:
                del self._trails[identity]

    def _draw_chip(self, picture: Frame, track: Track, chips: Chips) -> None:
        """The id and label on the track's colour, above the box or near there.

        A label that is wider than the box, and than a good part of the picture, is left out.
        """
        speed = "" if track.speed is None else f" {KMH * track.speed:.0f} km/h"
        text, height = f"{track.id} {track.label}{speed}", self._text.height
        if (track.label in UNTOLD and not speed) or self._chip_width(text) > max(
            track.box[2], WIDEST_CHIP * picture.shape[1]
        ):
            text = f"{track.id}{speed}"
        width = self._chip_width(text)
        if width > picture.shape[1] or 2 * height > picture.shape[0]:
            return
        x, y = chips.place((_pixel(track.box[0]) - self._line // 2, _pixel(track.box[1])), width)
        picture[y : y + height, x : x + width] = colour_of(track.id)
        self._text.write(picture, text, (x + self._pad, y), BLACK)

    def _draw_note(self, picture: Frame, place: Place) -> None:
        plus, minus = self._tally.of(place.name)
        now = f"in {plus}, out {minus}" if place.kind == LINE else f"{plus - minus} inside, {plus} so far"
        text = f"{place.name}: {now}"
        size = (self._chip_width(text), self._text.height)
        corner = note_corner(picture, place, size)
        if corner is not None:
            x, y = corner
            picture[y : y + size[1], x : x + size[0]] = BLACK
            self._text.write(picture, text, (x + self._pad, y), WHITE)

    def _chip_width(self, text: str) -> int:
        return int(self._text.ink(text).shape[1]) + 2 * self._pad

    def _strip_height(self, picture: Frame) -> int:
        """Rows of the status strip; 0 where the picture is too low for one."""
        height = self._text.height + 2 * self._pad
        return height if 4 * height <= picture.shape[0] else 0

    def _draw_status(self, picture: Frame, status: str) -> None:
        height = self._strip_height(picture)
        if not height:
            return
        strip = picture[:height]
        strip[...] = cv2.convertScaleAbs(strip, alpha=1 - STRIP_DARKNESS)
        self._text.write(picture, status, (2 * self._pad, self._pad), WHITE)

    def _draw_activity(self, picture: Frame, frame: Frame, activity: NDArray[np.bool_]) -> None:
        """A small dark copy of the frame in the lower right corner; what was recomputed there is lit."""
        height, width = picture.shape[:2]
        w, h = round(INSET_WIDTH * width), round(INSET_WIDTH * height)
        margin, text_height = 2 * self._pad, self._text.height
        caption = "recomputed"  # where; how much is in the status line
        if h < 2 * text_height or w < self._chip_width(caption):
            return
        x, y = width - w - margin, height - h - margin
        picture[y : y + h, x : x + w] = activity_map(frame, activity, (w, h))
        bar = picture[y - text_height : y, x : x + w]
        bar[...] = cv2.convertScaleAbs(bar, alpha=1 - STRIP_DARKNESS)
        self._text.write(picture, caption, (x + self._pad, y - text_height), WHITE)
        cv2.rectangle(picture, (x - 1, y - text_height - 1), (x + w, y + h), WHITE, 1)


def activity_map(frame: Frame, activity: NDArray[np.bool_], size: tuple[int, int]) -> Frame:
    """A dark grey copy of `frame` in `size` (width, height), lit where `activity`, bool `[h, w]`, is true."""
    small = shrink(np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8), *size)
    picture = np.asarray(cv2.cvtColor(cv2.convertScaleAbs(small, alpha=0.45), cv2.COLOR_GRAY2RGB), np.uint8)
    lit = cv2.resize(activity.view(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    picture[lit] = 0.55 * picture[lit] + 0.45 * np.array(ACTIVE)
    return picture


def draw_box(picture: Frame, track: Track, line: int) -> None:
    """The outline of a track's box, `line` pixels wide, between thin dark lines where there is room for them.

    A box that was not seen has its corners only.
    """
    x, y, w, h = track.box
    left, top = _pixel(x), _pixel(y)
    corners = (left, top), (max(_pixel(x + w), left + SMALLEST_BOX), max(_pixel(y + h), top + SMALLEST_BOX))
    if not track.seen:
        _draw_corners(picture, *corners, colour_of(track.id), line)
        return
    if line > 1:
        cv2.rectangle(picture, *corners, BLACK, line + 2)
    cv2.rectangle(picture, *corners, colour_of(track.id), line)


def _draw_corners(picture: Frame, low: tuple[int, int], high: tuple[int, int], colour: Colour, line: int) -> None:
    """A quarter of each side of a box from each of its corners."""
    arm_x, arm_y = (high[0] - low[0]) // 4, (high[1] - low[1]) // 4
    for x, y in product((low[0], high[0]), (low[1], high[1])):
        across, down = (arm_x if x == low[0] else -arm_x), (arm_y if y == low[1] else -arm_y)
        cv2.line(picture, (x, y), (x + across, y), colour, line)
        cv2.line(picture, (x, y), (x, y + down), colour, line)


def draw_mask(picture: Frame, mask: NDArray[np.bool_], colour: Colour) -> None:
    """A translucent fill and an outline of bool `[H, W]`."""
    picture[mask] = (1 - MASK_STRENGTH) * picture[mask] + MASK_STRENGTH * np.array(colour)
    outlines, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(picture, outlines, -1, colour, 1)


def draw_keypoints(picture: Frame, keypoints: NDArray[np.float64], colour: Colour, line: int) -> None:
    """A dot for each of `[K, 3]` (x, y, confidence) whose confidence is above 0."""
    for x, y, confidence in keypoints.tolist():
        if confidence > 0:
            cv2.circle(picture, (_pixel(x), _pixel(y)), 2 * line, BLACK, cv2.FILLED)
            cv2.circle(picture, (_pixel(x), _pixel(y)), max(1, 2 * line - 1), colour, cv2.FILLED)


def draw_trail(
    picture: Frame,
    points: deque[tuple[int, float, float]],
    now: int,
    lifetime: int,
    colour: Colour,
    line: int,
) -> None:
    """A path (frame, x, y) that fades into the picture with age; nothing is left after `lifetime` frames."""
    height, width = picture.shape[:2]
    frames, places = np.hsplit(np.array(points), [1])
    corners = np.rint(np.clip(places, -FAR, FAR)).astype(int)
    # mixed with the pixel beneath its middle, which looks like transparency and costs no second picture
    middles = np.clip((corners[1:] + corners[:-1]) // 2, 0, (width - 1, height - 1))
    under = picture[middles[:, 1], middles[:, 0]].astype(float)
    mixed = under + (1 - (now - frames[1:]) / lifetime) * (np.array(colour) - under)
    for start, end, tint in zip(corners[:-1].tolist(), corners[1:].tolist(), mixed.tolist(), strict=True):
        if start != end:
            cv2.line(picture, start, end, tint, line, cv2.LINE_AA)


def _pixel(coordinate: float) -> int:
    """The nearest pixel, kept within what OpenCV can draw: a predicted box may lie far outside the frame."""
    return round(min(max(coordinate, -FAR), FAR))
