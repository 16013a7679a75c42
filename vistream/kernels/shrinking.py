"""Pictures made smaller by area: each output is the mean of what it covers, in shares of whole 256ths of a side.

Compiled where the kernels work here, else by NumPy; both give the same pixels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vistream.kernels.library import Variant, library, usable

Picture = NDArray[np.uint8]

CHANNELS = 4  # at most, for the kernels


def shrink(picture: Picture, width: int, height: int, chosen: Variant | None = None) -> Picture:
    """`picture`, uint8 `[H, W]` or `[H, W, C]`, in a size that is not larger than its own; within a grey level.

    `chosen`: the kernels; None: the best here.

    >>> shrink(np.uint8([[0, 100, 200]]), 2, 1).tolist()
    [[33, 167]]
    """
    kernels = usable(chosen)
    rows, columns, channels = (*picture.shape, 1)[:3]
    if kernels is None or not 0 < channels <= CHANNELS:
        return _plainly(picture, width, height)
    picture, out = np.ascontiguousarray(picture), np.empty((height, width, *picture.shape[2:]), np.uint8)
    most = columns // width + 2  # pixels that an output covers, in part or as a whole
    line, row = np.zeros((columns + most) * channels + 4, np.uint16), np.empty(width * channels + 4, np.uint8)
    firsts, shares = np.empty(width, np.int64), np.empty(most * width + rows // height + 2, np.uint16)
    library().vistream_shrink(
        kernels.handle, picture.ctypes.data, rows, columns, channels, height, width, out.ctypes.data, line.ctypes.data,
        row.ctypes.data, firsts.ctypes.data, shares.ctypes.data,
    )  # fmt: skip
    return out


def _plainly(picture: Picture, width: int, height: int) -> Picture:
    planes = picture.reshape(*picture.shape[:2], -1).transpose(2, 0, 1).astype(np.int64)
    sums = _shares(picture.shape[0], height) @ planes @ _shares(picture.shape[1], width).T
    means = ((sums + (1 << 15)) >> 16).astype(np.uint8).transpose(1, 2, 0)
    return np.ascontiguousarray(means).reshape(height, width, *picture.shape[2:])


def _shares(pixels: int, outputs: int) -> NDArray[np.int64]:
    """`[outputs, pixels]`: of 256, how much of each output lies in each pixel."""
    ends = np.arange(pixels + 1) * outputs - np.arange(outputs)[:, None] * pixels
    return np.diff((256 * ends.clip(0, pixels) + pixels // 2) // pixels, axis=1)
