"""Colour likelihood: how likely a pixel is part of an object, by histograms of its colours and of those around it.

A small object covers a few cells of a feature map, but hundreds of pixels. Where its colours are not those around it,
they tell where it is, however it turns. The histograms learn on; the template does not.
Source: Bertinetto et al., "Staple: Complementary learners for real-time tracking", CVPR 2016, section 3.3. The mean of
each box of a window is taken as there; the model is the ratio of histograms of Possegger et al., "In defense of
color-based model-free tracking", CVPR 2015, equation 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.types import Frame

Grid = NDArray[np.float32]
Colours = NDArray[np.uint8]
Cells = NDArray[np.bool_]

BINS = 16  # of each of red, green and blue
INNER, OUTER = 0.8, 1.1  # of the box: within, all is taken for the object, beyond, nothing
RATE = 0.1  # of the newest frame in the histograms
NEVER = 1e-4  # share of pixels: a colour that is rarer in both says little


@dataclass(slots=True)
class ColourLikelihood:
    """Shares of the pixels that have each colour, `[BINS ** 3]`: of the `object`, and of its `surroundings`."""

    object: Grid
    surroundings: Grid

    @staticmethod
    def of(colours: Colours, side: float) -> ColourLikelihood:
        """What a window `[g, g, 3]` tells of an object of `side` cells in its middle.

        >>> window = np.zeros((9, 9, 3), np.uint8); window[3:6, 3:6] = 255
        >>> ColourLikelihood.of(window, 3.0).likelihood(window)[4, 2:5].round(2)
        array([0., 1., 1.], dtype=float32)
        """
        return ColourLikelihood(*_histograms(colours, side))

    def learn(self, colours: Colours, side: float) -> None:
        """The object was found in the middle of this window."""
        inside, around = _histograms(colours, side)
        self.object = self.object + np.float32(RATE) * (inside - self.object)
        self.surroundings = self.surroundings + np.float32(RATE) * (around - self.surroundings)

    def likelihood(self, colours: Colours) -> Grid:
        """Of each cell of a window `[g, g, 3]`, 0..1 `[g, g]`; about half where a colour was never seen."""
        colour = _numbered(colours)
        inside, around = self.object[colour], self.surroundings[colour]
        return np.asarray((inside + np.float32(NEVER / 2)) / (inside + around + np.float32(NEVER)), np.float32)


def window_colours(frame: Frame, box: NDArray[np.float64], grid: int) -> Colours:
    """The colours of `grid` x `grid` cells over a box `[4]` of a frame, uint8 `[H, W, 3]`; its border repeats.

    Each is the mean over a cell, between pixels by bilinear sampling.

    >>> ramp = np.arange(0, 60, 10, dtype=np.uint8).reshape(1, 6, 1).repeat(3, axis=2)
    >>> window_colours(ramp, np.array([-2.0, 0.0, 9.0, 3.0]), 3)[0, :, 0]
    array([ 3, 20, 47], dtype=uint8)
    """
    (left, right, across), (top, bottom, down) = (
        _placed(float(box[axis]), float(box[axis + 2]), grid, frame.shape[1 - axis]) for axis in (0, 1)
    )
    cell = max(1, round(float(box[2]) / grid)), max(1, round(float(box[3]) / grid))
    means = cv2.blur(frame[top:bottom, left:right], cell, borderType=cv2.BORDER_REPLICATE)
    places = np.tile(across, (grid, 1)), np.tile(down[:, None], (1, grid))
    return np.asarray(cv2.remap(means, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _placed(start: float, length: float, grid: int, size: int) -> tuple[int, int, Grid]:
    """Along one axis: which of `size` pixels a window covers, from and up to, and where in them its cells are."""
    first = max(0, min(math.floor(start), size - 1))
    last = max(1, min(math.ceil(start + length), size))
    return first, last, (start + (np.arange(grid) + 0.5) * length / grid - 0.5 - first).astype(np.float32)


def _numbered(colours: Colours) -> NDArray[np.intp]:
    red, green, blue = np.moveaxis(colours.astype(np.intp) * BINS >> 8, -1, 0)
    return np.asarray((red * BINS + green) * BINS + blue)


def _histograms(colours: Colours, side: float) -> tuple[Grid, Grid]:
    """The shares of colours inside and outside of a box of `side` cells in the middle."""
    colour, away = _numbered(colours), np.abs(np.arange(len(colours)) - len(colours) // 2)
    inside, around = (
        np.maximum(away[:, None], away) <= side * INNER / 2,
        np.maximum(away[:, None], away) > side * OUTER / 2,
    )
    return _shares(colour[inside]), _shares(colour[around])


def _shares(colour: NDArray[np.intp]) -> Grid:
    return np.asarray(np.bincount(colour, minlength=BINS**3) / max(1, len(colour)), np.float32)
