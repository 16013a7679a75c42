"""Objects that enter: a first box at the border of the frame that is too narrow, or too low, to hold a whole object.

People and cars that come into the frame are first seen as a narrow strip at its border. As the strip moves away from
the border, more of the object comes in behind it: so its box still reaches to the border, until it is as wide for its
height as whole objects at least are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vistream.types import Box

TOUCHES = 4.0  # pixels from the border of the frame
WHOLE = 0.3  # of the longer side: a box at the border that is narrower does not hold all of the object
LEAST = 0.5  # pixels by which a box grows, if at all


@dataclass(frozen=True, slots=True)
class Side:
    """Of the frame: left and right (`axis` 0) or top and bottom (1), where coordinates start or, if not, `end`."""

    axis: Literal[0, 1]
    end: bool


def entered_by(box: Box, frame: tuple[float, float]) -> Side | None:
    """The side by which the object of a first box enters a frame of (width, height); None: it is whole already.

    >>> entered_by((620.0, 90.0, 18.0, 200.0), (640.0, 480.0)), entered_by((600.0, 90.0, 18.0, 200.0), (640.0, 480.0))
    (Side(axis=0, end=True), None)
    """
    axis: Literal[0, 1] = 0 if box[2] < box[3] else 1
    if box[2 + axis] >= WHOLE * box[3 - axis]:
        return None
    if box[axis] < TOUCHES:
        return Side(axis, end=False)
    return Side(axis, end=True) if box[axis] + box[2 + axis] > frame[axis] - TOUCHES else None


def is_outside(box: Box, frame: tuple[float, float]) -> bool:
    """Whether a box shows nothing of a frame of (width, height).

    >>> is_outside((640.0, 90.0, 18.0, 20.0), (640.0, 480.0)), is_outside((-10.0, 90.0, 18.0, 20.0), (640.0, 480.0))
    (True, False)
    """
    return any(box[axis] >= frame[axis] or box[axis] + box[2 + axis] <= 0 for axis in (0, 1))


def come_in(box: Box, frame: tuple[float, float], side: Side) -> tuple[Box, bool]:
    """The box with what has come in behind it, and whether it holds a whole object now. `frame`: (width, height).

    >>> come_in((600.0, 90.0, 18.0, 200.0), (640.0, 480.0), Side(axis=0, end=True))
    ((600.0, 90.0, 40.0, 200.0), False)
    >>> come_in((560.0, 90.0, 40.0, 200.0), (640.0, 480.0), Side(axis=0, end=True))
    ((560.0, 90.0, 60.0, 200.0), True)
    """
    start, size = list(box[:2]), list(box[2:])
    axis = side.axis
    gap = frame[axis] - start[axis] - size[axis] if side.end else start[axis]
    missing = WHOLE * size[1 - axis] - size[axis]
    grown = min(gap, missing)
    if grown < LEAST:
        return box, missing <= gap
    size[axis] += grown
    if not side.end:
        start[axis] -= grown
    return (start[0], start[1], size[0], size[1]), missing <= gap
