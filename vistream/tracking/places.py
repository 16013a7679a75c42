"""Lines and zones in the picture: what a user writes, and the geometry of points that pass or enter them.

Points are (x, y) in pixels, y downwards. An object is where its feet are: in the middle of its box's lower edge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from vistream.errors import VistreamError
from vistream.types import Box

Point = tuple[float, float]

LINE, ZONE = "line", "zone"
FRACTION = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """A line (two `points`) or a zone (the corners of a polygon, three or more).

    Whoever passes a line towards its right-hand side, seen from its first point to its second, goes in; else out: over
    a line drawn from left to right, downwards is in.
    """

    name: str
    points: tuple[Point, ...]

    @property
    def kind(self) -> str:
        """`LINE` or `ZONE`."""
        return LINE if len(self.points) == 2 else ZONE

    def distance(self, point: Point) -> float:
        """Pixels from the border, signed: above 0 on the right-hand side of a line, or inside a zone.

        >>> Place("door", ((0, 10), (100, 10))).distance((50, 14))
        4.0
        >>> Place("yard", ((0, 0), (9, 0), (0, 9))).distance((-2, 1))
        -2.0
        """
        if self.kind == LINE:
            (x1, y1), (x2, y2) = self.points
            return ((x2 - x1) * (point[1] - y1) - (y2 - y1) * (point[0] - x1)) / math.hypot(x2 - x1, y2 - y1)
        return float(cv2.pointPolygonTest(np.array(self.points, np.float32), point, True))

    def between(self, before: Point, after: Point) -> bool:
        """Whether the straight way from one point to another passes a line, and not beside its ends.

        >>> Place("door", ((0, 10), (100, 10))).between((50, 5), (60, 20))
        True
        >>> Place("door", ((0, 10), (100, 10))).between((150, 5), (150, 20))
        False
        """
        way = Place("", (before, after))
        first, second = (way.distance(point) for point in self.points)
        return first * second <= 0 and self.distance(before) * self.distance(after) <= 0


def feet(box: Box) -> Point:
    """Where an object stands.

    >>> feet((10, 20, 30, 40))
    (25.0, 60)
    """
    x, y, w, h = box
    return x + w / 2, y + h


def read_places(lines: Sequence[str], zones: Sequence[str]) -> tuple[Place, ...]:
    """Places from `x1,y1,x2,y2[,name]` and `x1,y1,x2,y2,x3,y3,...[,name]`; without a name they are numbered.

    Raises VistreamError for what is none, and for a name that two have.

    >>> [place.name for place in read_places(["0,5,9,5", "0,7,9,7,door"], ["0,0,9,0,9,9,yard"])]
    ['line 1', 'door', 'yard']
    """
    places = [_read(text, LINE, number) for number, text in enumerate(lines, start=1)]
    places += [_read(text, ZONE, number) for number, text in enumerate(zones, start=1)]
    names = [place.name for place in places]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise VistreamError(f"two lines or zones are called {twice!r}: give each its own name")
    return tuple(places)


def _read(text: str, kind: str, number: int) -> Place:
    wanted = "x1,y1,x2,y2[,name]" if kind == LINE else "x1,y1,x2,y2,x3,y3,...[,name]"
    fields = [field.strip() for field in text.replace(";", ",").split(",")]
    name = f"{kind} {number}"
    if fields and not _is_number(fields[-1]):
        name = fields.pop() or name
    if not all(map(_is_number, fields)) or len(fields) % 2 or (len(fields) != 4 if kind == LINE else len(fields) < 6):
        raise VistreamError(f"--{kind} is {text!r}: it must be {wanted}, in pixels or as parts of the frame, 0 to 1")
    values = [float(field) for field in fields]
    points = tuple(zip(values[::2], values[1::2], strict=True))
    if len(set(points)) < (2 if kind == LINE else 3):
        raise VistreamError(f"--{kind} is {text!r}: its points are the same")
    if kind != LINE and not _area(points):
        raise VistreamError(f"--{kind} is {text!r}: its points lie on a line, or its sides cross")
    return Place(name, points)


def _area(points: tuple[tuple[float, float], ...]) -> float:
    """Of a polygon, with a sign; 0 where all points lie on a line.

    >>> _area(((0, 0), (2, 0), (2, 1), (0, 1))), _area(((0, 0), (1, 1), (2, 2)))
    (2.0, 0.0)
    """
    following = (*points[1:], points[0])
    return sum(x * b - a * y for (x, y), (a, b) in zip(points, following, strict=True)) / 2


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def within(places: Sequence[Place], size: tuple[int, int]) -> tuple[Place, ...]:
    """Places in pixels of frames of `size` (width, height): those given as parts of the frame, 0 to 1, are scaled.

    Raises VistreamError for one that lies outside the frame altogether.

    >>> within(read_places(["0,0.5,1,0.5"], []), (640, 384))[0].points
    ((0.0, 192.0), (640.0, 192.0))
    """
    width, height = size
    found = []
    for place in places:
        if all(0 <= value <= FRACTION for point in place.points for value in point):
            place = replace(place, points=tuple((x * width, y * height) for x, y in place.points))
        xs, ys = zip(*place.points, strict=True)
        if min(xs) >= width or min(ys) >= height or max(xs) < 0 or max(ys) < 0:
            raise VistreamError(f"the {place.kind} {place.name!r} lies outside the frames, which are {width}x{height}")
        found.append(place)
    return tuple(found)
