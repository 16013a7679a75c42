"""Levels of a map, normalised by channel: by the mean and the deviation of the whole map.

Compiled where the kernels work here, else by NumPy; both give the same numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vistream.kernels.library import Unusable, brief

Spans = NDArray[np.int64]


def normalise(levels: NDArray[np.int8], spans: Spans, out: NDArray[np.float32], every: int, least: float) -> None:
    """Levels `[h, w, C]` in rectangles of cells, less the mean of their channel, over its deviation plus `least`.

    `spans`: `[N, 4]`, the first row, the row behind the last, the first column, the column behind the last. `out`:
    float32 `[h, w, C]`, a part of the channels of a whole map; what lies elsewhere is left as it is. Mean and deviation
    are those of each `every`th row and column.
    """
    try:
        kernels = brief()
    except Unusable:
        _plainly(levels, spans, out, every, least)
        return
    levels, spans = np.ascontiguousarray(levels), np.ascontiguousarray(spans, np.int64)
    channels = levels.shape[2]
    sums, scales = np.empty(2 * channels, np.int64), np.empty(2 * channels, np.float32)
    kernels.vistream_normalise(
        levels.ctypes.data, *levels.shape, every, least, spans.ctypes.data, len(spans), out.ctypes.data,
        out.strides[1] // out.itemsize, sums.ctypes.data, scales.ctypes.data,
    )  # fmt: skip


def _plainly(levels: NDArray[np.int8], spans: Spans, out: NDArray[np.float32], every: int, least: float) -> None:
    sample = levels[::every, ::every].reshape(-1, levels.shape[2]).astype(np.int64)
    mean = sample.sum(0) / len(sample)
    deviation = np.sqrt(((sample**2).sum(0) / len(sample) - mean * mean).clip(0))
    centre, scale = mean.astype(np.float32), (1 / (deviation + least)).astype(np.float32)
    for top, bottom, left, right in spans.tolist():
        out[top:bottom, left:right] = (levels[top:bottom, left:right].astype(np.float32) - centre) * scale
