"""Lines and zones on the picture, each with its name and what was counted there."""

from __future__ import annotations

import math

import cv2
import numpy as np

from vistream.render.colours import Colour
from vistream.tracking.places import LINE, Place
from vistream.types import Frame

COLOUR: Colour = (255, 214, 64)
DARK: Colour = (12, 12, 12)
STRENGTH = 0.18
"""Of a zone's colour over the picture."""
HEAD = 6
"""Length of the arrow towards "in", in line widths."""


def draw_place(picture: Frame, place: Place, line: int) -> None:
    """A line with a small arrow to the side on which "in" is, or a zone, tinted."""
    corners = np.rint(np.array(place.points)).astype(np.int32)
    if place.kind == LINE:
        for colour, width in ((DARK, line + 4), (COLOUR, line + 2)):
            cv2.line(picture, corners[0].tolist(), corners[1].tolist(), colour, width, cv2.LINE_AA)
        (x1, y1), (x2, y2) = place.points
        length = math.hypot(x2 - x1, y2 - y1)
        across = np.array([-(y2 - y1), x2 - x1]) / length * HEAD * (line + 2)
        middle = np.array([(x1 + x2) / 2, (y1 + y2) / 2])
        tip = np.rint(middle + across).astype(int).tolist()
        for colour, width in ((DARK, line + 3), (COLOUR, line + 1)):
            cv2.arrowedLine(picture, np.rint(middle).astype(int).tolist(), tip, colour, width, cv2.LINE_AA, 0, 0.4)
        return
    tinted = picture.copy()
    cv2.fillPoly(tinted, [corners], COLOUR)
    cv2.addWeighted(tinted, STRENGTH, picture, 1 - STRENGTH, 0, dst=picture)
    cv2.polylines(picture, [corners], True, COLOUR, line + 1, cv2.LINE_AA)


def note_corner(picture: Frame, place: Place, size: tuple[int, int]) -> tuple[int, int] | None:
    """Where a note of `size` (width, height) begins, within the picture, above the place; None where it has no room."""
    width, height = size
    if width > picture.shape[1] or 4 * height > picture.shape[0]:
        return None
    x, y = place.points[0]
    left = min(max(round(x), 0), picture.shape[1] - width)
    return left, min(max(round(y) - height - 4, 2 * height), picture.shape[0] - height)
