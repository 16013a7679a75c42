"""Class maps drawn onto a frame: every pixel in the colour of its class, the borders of things, and a legend."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.models.classes import VOID
from vistream.render.colours import Colour
from vistream.render.text import TextPainter
from vistream.types import ClassMap, Frame, Result

STRENGTH = 0.5
BORDER: Colour = (255, 255, 255)
GROUND: Colour = (20, 20, 20)
INK: Colour = (240, 240, 240)
LEAST = 0.002  # of the picture: what shows less has no place in the legend


def draw_class_map(picture: Frame, found: ClassMap) -> None:
    """Tint a frame, uint8 `[H, W, 3]`, with the colours of its classes; pixels of no class stay as they are."""
    colours = np.zeros((VOID + 1, 3), np.uint8)
    colours[: len(found.palette)] = found.palette
    known = found.labels < len(found.palette)
    tinted = cv2.addWeighted(picture, 1 - STRENGTH, colours[found.labels], STRENGTH, 0)
    picture[known] = tinted[known]


def draw_borders(picture: Frame, ids: NDArray[np.int32]) -> None:
    """A line, one pixel wide, where segments `[H, W]` meet."""
    border = np.zeros(ids.shape, bool)
    border[:, 1:] |= ids[:, 1:] != ids[:, :-1]
    border[1:] |= ids[1:] != ids[:-1]
    picture[border] = BORDER


def draw_legend(picture: Frame, result: Result, text: TextPainter, top: int) -> None:
    """Names and shares of the classes that the frame shows, on the left from row `top` on, as many as fit.

    In the order of the classes, so that they keep their places; where there is no room for all, the largest.
    """
    found, shares = result.class_map, result.shares or {}
    if found is None:
        return
    pad = max(2, text.height // 4)
    room = (picture.shape[0] - top - 3 * pad) // text.height
    largest = sorted((name for name, share in shares.items() if share >= LEAST), key=lambda name: -shares[name])
    shown = [name for name in found.names if name in largest[: max(room, 0)]]
    lines = [f"{name} {100 * shares[name]:.0f} %" for name in shown]
    width = max((int(text.ink(line).shape[1]) for line in lines), default=0) + text.height + 3 * pad
    if not lines or width > picture.shape[1] // 2:
        return
    ground = picture[top + pad : top + 3 * pad + len(lines) * text.height, pad : pad + width]
    ground[...] = cv2.addWeighted(ground, 0.35, np.full_like(ground, GROUND), 0.65, 0)
    side = text.height - pad
    for row, (name, line) in enumerate(zip(shown, lines, strict=True)):
        x, y = 2 * pad, top + 2 * pad + row * text.height
        picture[y + pad // 2 : y + pad // 2 + side, x : x + side] = found.palette[found.names.index(name)]
        text.write(picture, line, (x + text.height, y), INK)
