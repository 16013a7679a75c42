"""Colour likelihood: how likely a pixel is part of an object, by histograms of its colours and of those around it.

A small object covers a few cells of a feature map, but hundreds of pixels. Where its colours are not those around it,
they tell where it is, however it turns. The histograms learn on; the template does not.
Source: Bertinetto et al., "Staple: Complementary learners for real-time tracking", CVPR 2016, section 3.3. The mean of
each box of a window is taken as there; the model is the ratio of histograms of Possegger et al., "In defense of
color-based model-free tracking", CVPR 2015, equation 3.
"""

from __future__ import annotations

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
MOST = 4  # samples along each side of a cell
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
    """The mean colours of `grid` x `grid` cells over a box `[4]` of a frame, uint8 `[H, W, 3]`; its border repeats.

    >>> ramp = np.arange(0, 60, 10, dtype=np.uint8).reshape(1, 6, 1).repeat(3, axis=2)
    >>> window_colours(ramp, np.array([-2.0, 0.0, 6.0, 3.0]), 3)[0, :, 0]
    array([ 0,  5, 25], dtype=uint8)
    """
    samples = min(max(1, round(float(box[2:].max()) / grid)), MOST)
    (x, y), (width, height) = box[:2], box[2:] / (grid * samples)
    place = np.array([[width, 0.0, x + width / 2 - 0.5], [0.0, height, y + height / 2 - 0.5]])
    size = grid * samples, grid * samples
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    sampled = cv2.warpAffine(frame, place, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(sampled, (grid, grid), interpolation=cv2.INTER_AREA), np.uint8)


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
