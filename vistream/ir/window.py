"""The geometry of a sliding window: which inputs an output position looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vistream.ir.misfit import Misfit
from vistream.ir.same import same_padding

Counts = NDArray[np.int64]
Pair = tuple[int, int]
LARGEST = 1 << 14  # of a window's numbers: more than any picture has rows


class Placed(NamedTuple):
    """A window laid over an input of known size: `(top, left)` zeros before it, an output of `(height, width)`."""

    height: int
    width: int
    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True, slots=True)
class Window:
    """Kernel, stride, dilation and padding, each as (vertical, horizontal).

    `padding` None means TensorFlow's SAME, which depends on the input's size.
    `after` is the padding behind the data; None means the same as before it.
    `ceil`: a last window that reaches beyond the padding counts too, as long as it begins before it (torch's rule).
    """

    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    padding: Pair | None = (0, 0)
    after: Pair | None = None
    ceil: bool = False

    @property
    def pointwise(self) -> bool:
        """Whether an output looks at exactly the input of its own position."""
        unpadded = self.padding is None or (self.padding == (0, 0) and self.after in (None, (0, 0)))
        return self.kernel == (1, 1) and self.stride == (1, 1) and unpadded

    def check(self) -> None:
        """Raise `Misfit` where it makes no sense, as one of a damaged file may not."""
        numbers = (*self.kernel, *self.stride, *self.dilation)
        around = (*(self.padding or ()), *(self.after or ()))
        if min(numbers) < 1 or max(*numbers, *around, 0) > LARGEST or min((0, *around)) < 0:
            raise Misfit(f"has a window of {self}")

    def place(self, height: int, width: int) -> Placed:
        """Lay the window over an input of `height` x `width`.

        >>> Window((3, 3), (2, 2), padding=None).place(5, 6)
        Placed(height=3, width=3, top=1, left=0, bottom=1, right=1)

        Raises ValueError where not one window fits.
        """
        rows = self._axis(height, 0)
        columns = self._axis(width, 1)
        return Placed(rows[0], columns[0], rows[1], columns[1], rows[2], columns[2])

    def uses(self, height: int, width: int) -> tuple[Counts, Counts]:
        """In how many windows each row and each column of an input of `height` x `width` lies.

        >>> Window((3, 3), (2, 2)).uses(5, 3)
        (array([1, 1, 2, 1, 1]), array([1, 1, 1]))
        """
        placed = self.place(height, width)
        axes = ((height, placed.height, placed.top), (width, placed.width, placed.left))
        rows, columns = (self._uses(*sizes, axis) for axis, sizes in enumerate(axes))
        return rows, columns

    def misses(self, height: int, width: int) -> bool:
        """Whether a window over an input of `height` x `width` lies in the padding altogether.

        >>> Window((2, 2), (2, 2), padding=(1, 1)).misses(4, 4), Window((1, 1), padding=(1, 1)).misses(4, 4)
        (False, True)
        """
        placed = self.place(height, width)
        axes = ((height, placed.height, placed.top), (width, placed.width, placed.left))
        lines = [(self._lines(outputs, before, axis), size) for axis, (size, outputs, before) in enumerate(axes)]
        return not all(bool(((line >= 0) & (line < size)).any(1).all()) for line, size in lines)

    def _uses(self, size: int, outputs: int, before: int, axis: int) -> Counts:
        lines = self._lines(outputs, before, axis).ravel()
        return np.bincount(lines[(lines >= 0) & (lines < size)], minlength=size)

    def _lines(self, outputs: int, before: int, axis: int) -> Counts:
        """The lines, of the input or outside, that each output sees: `[outputs, kernel]`."""
        taps = np.arange(self.kernel[axis]) * self.dilation[axis] - before
        return np.arange(outputs)[:, None] * self.stride[axis] + taps

    def _axis(self, size: int, axis: int) -> tuple[int, int, int]:
        kernel, stride, dilation = self.kernel[axis], self.stride[axis], self.dilation[axis]
        if self.padding is None:
            before, after = same_padding(size, kernel, stride, dilation)
        else:
            before = self.padding[axis]
            after = before if self.after is None else self.after[axis]
        room = size + before + after - dilation * (kernel - 1) - 1
        if room < 0:
            raise ValueError(f"a window of {kernel} (dilation {dilation}) does not fit {size} pixels")
        if not self.ceil:
            return room // stride + 1, before, after
        outputs = -(-room // stride) + 1
        if (outputs - 1) * stride >= size + before:
            outputs -= 1
        return outputs, before, max(0, (outputs - 1) * stride + dilation * (kernel - 1) + 1 - size - before)


POINTWISE = Window()
