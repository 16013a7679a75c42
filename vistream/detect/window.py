"""The part of a picture that its frame fills. Beside it lies grey that never changes, which is computed once.

A file that wants 640 x 640 pixels is given a wide frame between two bars. Its layers are computed for the frame alone;
what they give for an empty picture stands beside it. At the seam a layer sees its own padding instead of grey, as it
does in a file whose input follows the frame's shape. Where a layer looks at the whole picture, all of it is computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vistream.detect.letterbox import Image, Placement
from vistream.errors import VistreamError
from vistream.ir.footprint import Everywhere
from vistream.ir.network import IntegerNetwork
from vistream.ir.value import Value

COARSER = (1, 2, 4)  # times the multiple that is asked for: some networks have coarser maps than they say

Array = NDArray[np.generic]
Sides = tuple[int, int]
"""Rows and columns."""


@dataclass(frozen=True, slots=True)
class Window:
    """Pixels of a picture of `whole` rows and columns: `size` of them, from `start` on."""

    start: Sides
    size: Sides
    whole: Sides

    @classmethod
    def around(cls, frame: Sides, placement: Placement, whole: Sides, multiple: int) -> Window:
        """The smallest one with sides of whole multiples that holds a frame of so many rows and columns.

        >>> Window.around((540, 960), Placement((2 / 3, 2 / 3), (0, 140)), (640, 640), 32)
        Window(start=(128, 0), size=(384, 640), whole=(640, 640))
        """
        if any(side % multiple for side in whole):
            return cls((0, 0), whole, whole)
        sides = zip(frame, placement.offset[::-1], placement.scale[::-1], strict=True)
        (top, bottom), (left, right) = (
            (int(offset // multiple), int(-(-(offset + round(scale * side)) // multiple)))
            for side, offset, scale in sides
        )
        return cls((top * multiple, left * multiple), ((bottom - top) * multiple, (right - left) * multiple), whole)

    @property
    def is_whole(self) -> bool:
        return self.size == self.whole

    def placed(self, placement: Placement) -> Placement:
        """Where what lies so in a picture lies in this part of it."""
        (left, top), (rows, columns) = placement.offset, self.start
        return replace(placement, offset=(left - columns, top - rows))

    def cut(self, picture: Image) -> Image:
        """This part of a picture."""
        (top, left), (rows, columns) = self.start, self.size
        return np.ascontiguousarray(picture[top : top + rows, left : left + columns])

    def put(self, part: Array, around: Array) -> Array:
        """A map `[H, W, C]` of the whole picture that is `part` `[h, w, C]` here, and `around` elsewhere."""
        made = around.copy()
        top, left = (
            start * side // whole for start, side, whole in zip(self.start, made.shape[:2], self.whole, strict=True)
        )
        made[top : top + part.shape[0], left : left + part.shape[1]] = part
        return made

    def suits(self, network: IntegerNetwork) -> bool:
        """Whether the network's outputs for this part are parts of those for the whole picture.

        They are none where an operation looks at the whole of a map, as means and attention do: to it, grey counts.
        """
        try:
            part, whole = network.lay(*self.size), network.lay(*self.whole)
        except VistreamError:
            return False
        return not _sees_all(network, part) and all(
            not output.shape and self._corresponds(part[output.source].grid, whole[output.source].grid)
            for output in network.outputs
        )

    def _corresponds(self, part: Sides, whole: Sides) -> bool:
        return all(
            of_part * pixels == of_whole * size and start * of_whole % pixels == 0
            for of_part, of_whole, start, size, pixels in zip(
                part, whole, self.start, self.size, self.whole, strict=True
            )
        )


def _sees_all(network: IntegerNetwork, values: Mapping[str, Value]) -> bool:
    """Whether some operation depends on all of a map; `values`: all of the network's, by name."""
    return any(
        isinstance(footprint, Everywhere)
        for layer in network.layers[1:]
        for footprint in layer.footprints([values[source] for source in layer.sources])
    )


def window_for(network: IntegerNetwork, frame: Sides, placement: Placement, whole: Sides, multiple: int) -> Window:
    """The smallest window of a picture that holds the frame and suits the network; the whole picture if none does."""

    def windows() -> Iterator[Window]:
        for times in COARSER:
            window = Window.around(frame, placement, whole, times * multiple)
            if not window.is_whole and window.suits(network):
                yield window

    return next(windows(), Window((0, 0), whole, whole))
