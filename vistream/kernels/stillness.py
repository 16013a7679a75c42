"""Grey pictures, and how much blocks of them slope and differ: what tells whether a camera stands still.

Compiled where the kernels work here, else by NumPy; both give the same numbers.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.kernels.library import Variant, brief, library, usable

Picture = NDArray[np.uint8]
Blocks = NDArray[np.float32]

BRIGHTEST = 4.0  # times
EVERY = 8  # rows and columns whose brightness is compared


class Stillness:
    """`blocks`: how many there are down and across; each is whole pixels, and what is left over at the right and at the
    bottom is left out. `chosen`: the kernels; None: the best here."""

    def __init__(self, blocks: tuple[int, int], chosen: Variant | None = None) -> None:
        self.blocks = blocks
        self._variant = usable(chosen)

    def grey(self, frame: Picture, factor: int = 1) -> Picture:
        """The mean grey of each square of `factor` x `factor` pixels of a frame, uint8 `[H, W, 3]`, RGB.

        Rounded half up, uint8 `[H // factor, W // factor]`; needs `factor` rows and columns.
        """
        (rows, columns), frame = frame.shape[:2], np.ascontiguousarray(frame)
        if self._variant is None:
            plain = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)
            return _squares(plain, rows // factor, columns // factor, factor)
        out, line = np.empty((rows // factor, columns // factor), np.uint8), np.empty(columns, np.int32)
        library().vistream_grey(
            self._variant.handle, frame.ctypes.data, rows, columns, factor, out.ctypes.data, line.ctypes.data
        )
        return out

    def slopes(self, picture: Picture) -> Blocks:
        """The mean gradient of each block, |x| + |y| by Sobel, grey levels a pixel; `picture`: uint8 `[h, w]`."""
        if self._variant is None:
            across, down = (cv2.Sobel(picture, cv2.CV_16S, *axis) for axis in ((1, 0), (0, 1)))
            sums = self._sums(np.abs(across.astype(np.int64)) + np.abs(down.astype(np.int64)))
        else:
            picture, sums = np.ascontiguousarray(picture), np.empty(self.blocks, np.int64)
            library().vistream_slopes(
                self._variant.handle, picture.ctypes.data, *picture.shape, *self.blocks, sums.ctypes.data
            )
        return self._means(sums, 8, picture.shape)

    def differences(self, before: Picture, now: Picture) -> tuple[float, Blocks]:
        """By how many times `now` is brighter, the median and at most four, and the mean difference from `before`, made
        as bright, in each block, grey levels; both uint8 `[h, w]`."""
        if self._variant is None:
            first, last = (picture.astype(np.int64) for picture in (before, now))
            base = first[::EVERY, ::EVERY] + 1
            ratios = ((last[::EVERY, ::EVERY] + 1) * 256 + base // 2) // base
            times = int(min(np.sort(ratios, None)[(ratios.size - 1) // 2], BRIGHTEST * 256))
            sums = self._sums(np.abs(256 * last - times * first))
        else:
            before, now = np.ascontiguousarray(before), np.ascontiguousarray(now)
            sums = np.empty(self.blocks, np.int64)
            times = brief().vistream_differences(
                self._variant.handle, before.ctypes.data, now.ctypes.data, *now.shape, *self.blocks, sums.ctypes.data
            )
        return times / 256, self._means(sums, 256, now.shape)

    def _sums(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        (down, across), (rows, columns) = self.blocks, values.shape
        whole = values[: rows // down * down, : columns // across * across]
        return np.asarray(whole.reshape(down, rows // down, across, columns // across).sum((1, 3)))

    def _means(self, sums: NDArray[np.int64], unit: int, shape: tuple[int, ...]) -> Blocks:
        area = (shape[0] // self.blocks[0]) * (shape[1] // self.blocks[1])
        return (sums / (unit * max(area, 1))).astype(np.float32)


def _squares(plain: Picture, rows: int, columns: int, factor: int) -> Picture:
    sums = plain[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor).sum((1, 3), np.int64)
    return np.asarray((sums + factor * factor // 2) // (factor * factor), np.uint8)
