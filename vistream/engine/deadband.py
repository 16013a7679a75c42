"""How far a pixel may move before it is read again: a fixed number of grey levels, or more where the camera is noisy.

Sensor noise defeats a fixed dead-band: on a noisy camera every pixel moves a little in every frame. So the noise is
measured now and then, from two frames in a row, and the dead-band follows it. It is a function of the frames alone, so
that every implementation of the network sees the same pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.given import real
from vistream.types import Frame

EVERY = 8  # frames from one measurement to the next
ROWS = 4  # every 4th row is looked at
BLOCK = 16  # pixels a side
QUIET = 0.2  # share of the blocks that are taken to show nothing but noise
NOISE = 4.0  # grey levels; two frames that differ by more even there differ by motion
WIDEST = 14  # grey levels
MEMORY = 0.75  # weight of what was measured before


class Deadband:
    """The dead-band of each frame of a stream, in grey levels (0 to 255).

    `levels` at least; where `noise` > 0, up to `noise` times the mean absolute difference that noise makes between
    frames, and `WIDEST` at most. Ask `of` once for every frame, in order.
    """

    def __init__(self, levels: int, noise: float = 0.0) -> None:
        self._levels = levels
        self._factor = real("noise", noise)
        if self._factor < 0:
            raise VistreamError(f"noise is {noise:g}: how many times the camera's the dead-band is can't be negative")
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next frame is a first frame."""
        self._count = 0
        self._noise: float | None = None
        self._before: NDArray[np.uint8] | None = None

    def of(self, frame: Frame) -> int:
        """For the next frame, uint8 `[H, W, C]`."""
        if self._factor == 0.0:
            return self._levels
        phase = self._count % EVERY
        self._count += 1
        if phase == 0:
            self._before = frame[::ROWS].copy()
        elif phase == 1 and self._before is not None:
            self._take(measured_noise(self._before, frame[::ROWS]))
            self._before = None
        if self._noise is None:
            return self._levels
        return max(self._levels, min(round(self._factor * self._noise), WIDEST))

    def _take(self, noise: float) -> None:
        if noise <= NOISE:
            self._noise = noise if self._noise is None else MEMORY * self._noise + (1 - MEMORY) * noise

    def state_dict(self) -> dict[str, Any]:
        """All that it remembers, as plain data and arrays."""
        return {"count": self._count, "noise": self._noise, "before": self._before}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where another one was when its `state_dict()` was `state`."""
        noise, before = state["noise"], state["before"]
        self._count = int(state["count"])
        self._noise = None if noise is None else float(noise)
        self._before = None if before is None else np.asarray(before, np.uint8)


def measured_noise(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    """Mean absolute difference, in grey levels, of the quietest fifth of the blocks of two pictures' rows `[h, W, C]`.

    Blocks are 16 pixels wide and 4 of these rows high; pictures smaller than that are one block.

    >>> still = np.zeros((8, 32, 3), np.uint8)
    >>> measured_noise(still, still + np.uint8(2))
    2.0
    """
    height, width = (max(size // block, 1) for size, block in zip(after.shape, (BLOCK // ROWS, BLOCK), strict=False))
    rows, columns = min(BLOCK // ROWS, after.shape[0]), min(BLOCK, after.shape[1])
    distance = np.maximum(before, after) - np.minimum(before, after)
    blocks = distance[: height * rows, : width * columns].reshape(height, rows, width, columns * after.shape[2])
    means = blocks.sum((1, 3), dtype=np.uint32) / (rows * columns * after.shape[2])
    return float(np.quantile(means, QUIET))
