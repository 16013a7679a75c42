"""Boxes around what is no upright box."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Iterable, Sequence

from vistream.types import Box

log = logging.getLogger("vistream")

Point = tuple[float, float]


def around(corners: Sequence[Point]) -> Box:
    """The box around points, of which there must be one.

    >>> around([(3, 4), (1, 9)])
    (1, 4, 2, 5)
    """
    left, top = min(x for x, _ in corners), min(y for _, y in corners)
    return left, top, max(x for x, _ in corners) - left, max(y for _, y in corners) - top


def around_turned(box: Box, degrees: float, pivot: Point) -> Box:
    """The upright box around `box` turned clockwise about `pivot`.

    >>> [round(value) for value in around_turned((10, 20, 6, 2), 90, (13, 21))]
    [12, 18, 2, 6]
    """
    if not degrees:
        return box
    x, y, w, h = box
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return around(
        [
            (
                pivot[0] + cosine * (a - pivot[0]) - sine * (b - pivot[1]),
                pivot[1] + sine * (a - pivot[0]) + cosine * (b - pivot[1]),
            )
            for a in (x, x + w)
            for b in (y, y + h)
        ]
    )


def between(first: Box, second: Box, part: float) -> Box:
    """The box that lies `part`, 0..1, of the way from one to another.

    >>> between((0, 0, 10, 10), (10, 20, 10, 30), 0.5)
    (5.0, 10.0, 10.0, 20.0)
    """
    x, y, w, h = ((1 - part) * a + part * b for a, b in zip(first, second, strict=True))
    return x, y, w, h


def around_ellipse(centre: Point, radii: Point, degrees: float) -> Box:
    """The upright box around an ellipse turned about its centre.

    >>> [round(value) for value in around_ellipse((50, 50), (20, 10), 90)]
    [40, 30, 20, 40]
    """
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    across, down = math.hypot(radii[0] * cosine, radii[1] * sine), math.hypot(radii[0] * sine, radii[1] * cosine)
    return centre[0] - across, centre[1] - down, 2 * across, 2 * down


def say_left_out(kinds: Iterable[str], where: str) -> None:
    """Log how many shapes of each kind are not read, as they have no box."""
    counts = Counter(kinds)
    if counts:
        told = ", ".join(f"{count} of {kind}" for kind, count in sorted(counts.items()))
        log.warning("%s: shapes that have no box are left out: %s", where, told)
