"""How large objects are, which changes more slowly than a detector's boxes do.

The logarithm of a side is taken for a random walk that is measured with errors. Then the mean square of what it differs
by over `k` frames is

    2 * measured + k * change

so that the two variances follow from one frame and from two. They are learned from all objects of a video together, of
widths and of heights; a filter of each side then knows it better than the last box does. Over more frames it would know
ground truth still better that was drawn with a steady size, but swinging legs worse: see docs/association.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from vistream.tracking.noise import CLIP, FORGET, GUESSED
from vistream.types import Box

LEAST = 1e-8  # of any variance
MEASURED, CHANGE = 0.06, 0.05  # the first guess: deviations of a measurement, and of what a second brings
SMALLEST = 1e-3  # pixels of a side, whose logarithm is taken


@dataclass(slots=True)
class Length:
    """What is known of one side of an object: its `pixels`, and the `variance` of their logarithm; `recent`, what was
    measured in the last two frames without a gap, newest last.
    """

    pixels: float
    variance: float
    recent: list[float]


@dataclass(slots=True)
class Size:
    """What is known of one object's size."""

    width: Length
    height: Length

    @property
    def sides(self) -> tuple[Length, Length]:
        return self.width, self.height

    def gap(self) -> None:
        """It was not measured in a frame, or not well."""
        for side in self.sides:
            side.recent = []

    def zoom(self, scale: float) -> None:
        """The camera shows everything so many times as large."""
        for side in self.sides:
            side.pixels *= scale
            side.recent = [measured * scale for measured in side.recent]

    def around(self, box: Box) -> Box:
        """A box (x, y, w, h) of this size around the middle of another one."""
        x, y, w, h = box
        width, height = self.width.pixels, self.height.pixels
        return x + (w - width) / 2, y + (h - height) / 2, width, height


class SizeModel:
    """Learns how the sizes in one video of `fps` frames a second are measured, and how they change."""

    def __init__(self, fps: float) -> None:
        self._walks = (_Walk(fps), _Walk(fps))

    def begin(self, box: Box) -> Size:
        """An object that was measured once."""
        return Size(*(walk.begin(measured) for walk, measured in zip(self._walks, _sides(box), strict=True)))

    def learn(self, size: Size, box: Box) -> None:
        """Take in the next measurement of an object whose last one is a frame ago, if `size` was told of no gap."""
        for walk, side, measured in zip(self._walks, size.sides, _sides(box), strict=True):
            walk.learn(side, measured)

    def correct(self, size: Size, box: Box, frames: int, doubt: float = 1.0) -> None:
        """What a measurement says, so many `frames` after the last one; its noise is `doubt` times the usual."""
        for walk, side, measured in zip(self._walks, size.sides, _sides(box), strict=True):
            walk.correct(side, measured, frames, doubt)

    def state_dict(self) -> dict[str, Any]:
        return {name: walk.state_dict() for name, walk in zip(("width", "height"), self._walks, strict=True)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, walk in zip(("width", "height"), self._walks, strict=True):
            walk.load_state_dict(state[name])


class _Walk:
    """Of all widths, or of all heights: the variance of a measurement, and of the change in a frame.

    `squares`, over one frame and over two, and their `counts` are its whole state.
    """

    def __init__(self, fps: float) -> None:
        self.squares = [2 * MEASURED**2 + frames * CHANGE**2 / fps for frames in (1, 2)]
        self.counts = [GUESSED, GUESSED]

    @property
    def change(self) -> float:
        return max(self.squares[1] - self.squares[0], LEAST)

    @property
    def measured(self) -> float:
        return max((self.squares[0] - self.change) / 2, LEAST)

    def begin(self, measured: float) -> Length:
        return Length(measured, self.measured, [measured])

    def learn(self, side: Length, measured: float) -> None:
        for row, before in enumerate(reversed(side.recent)):
            square = min(math.log(measured / before) ** 2, CLIP**2 * self.squares[row])
            self.squares[row] += (square - self.squares[row]) / (self.counts[row] + 1.0)
            self.counts[row] = min(self.counts[row] + 1.0, FORGET)
        side.recent = [*side.recent[-1:], measured]

    def correct(self, side: Length, measured: float, frames: int, doubt: float) -> None:
        before = side.variance + frames * self.change
        gain = before / (before + doubt * self.measured)
        side.pixels *= (measured / side.pixels) ** gain
        side.variance = (1.0 - gain) * before

    def state_dict(self) -> dict[str, Any]:
        return {"squares": self.squares, "counts": self.counts}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.squares, self.counts = list(state["squares"]), list(state["counts"])


def _sides(box: Box) -> tuple[float, float]:
    return max(box[2], SMALLEST), max(box[3], SMALLEST)
