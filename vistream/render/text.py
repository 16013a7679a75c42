"""Text on pictures, by Pillow: any alphabet its font has, the same under every OpenCV."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vistream.render.colours import Colour
from vistream.types import Frame

KEPT = 512  # pieces of text remembered; ids come back frame after frame


class TextPainter:
    """Draws text of one size (in pixels) with the font that comes with Pillow."""

    def __init__(self, size: int) -> None:
        self._font = ImageFont.load_default(size)
        ascent, descent = self._metrics()
        self.height = ascent + descent
        self._kept: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    def _metrics(self) -> tuple[int, int]:
        assert isinstance(self._font, ImageFont.FreeTypeFont)  # with a size given, it always is
        return self._font.getmetrics()

    def ink(self, text: str) -> NDArray[np.float32]:
        """How much each pixel of `[height, width]` is covered by the text, 0..1."""
        if text in self._kept:
            self._kept.move_to_end(text)
            return self._kept[text]
        width = max(1, round(self._font.getlength(text)) + 1)
        image = Image.new("L", (width, self.height))
        ImageDraw.Draw(image).text((0, 0), text, fill=255, font=self._font)
        self._kept[text] = np.asarray(image, dtype=np.float32) / np.float32(255)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[text]

    def write(self, picture: Frame, text: str, at: tuple[int, int], colour: Colour) -> None:
        """Draw `text` with its top-left corner `at` (x, y); what lies outside the picture is cut off."""
        ink, target = _shared(self.ink(text), picture, at)
        wanted = np.array(colour, dtype=np.float32)
        target[...] = np.rint(target + ink[:, :, None] * (wanted - target)).astype(np.uint8)


def _shared(ink: NDArray[np.float32], picture: Frame, at: tuple[int, int]) -> tuple[NDArray[np.float32], Frame]:
    """The part of `ink` that falls into the picture, and the view of the picture beneath it."""
    x, y = at
    left, top = max(0, -x), max(0, -y)
    right = min(ink.shape[1], picture.shape[1] - x)
    bottom = min(ink.shape[0], picture.shape[0] - y)
    right, bottom = max(left, right), max(top, bottom)
    return ink[top:bottom, left:right], picture[y + top : y + bottom, x + left : x + right]
