"""Boxes around what is no upright box."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vistream.types import Box

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
