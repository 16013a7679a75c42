"""Does the camera itself move? A fixed one leaves most textured places of the picture where they were.

It measures no motion: only whether enough of the picture stands still, which moving objects don't prevent and
a pan, a shake or a cut does.
"""

from __future__ import annotations

import logging
from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.types import Frame

log = logging.getLogger("vistream")

SPAN = 0.5  # seconds between the two frames compared
BLOCKS, REGIONS = (24, 18), (4, 3)  # (across, down); every region holds whole blocks
TEXTURE = 4.0  # mean gradient of a block, grey levels a pixel, from which its shift can be judged
STILL = 0.5  # pixels: a block that shifted less stands still
ENOUGH_TEXTURE = 0.8  # of the regions; with less it may be that of an object, and the camera counts as fixed
ENOUGH_STILL = 0.1  # of the textured blocks
WARN_AFTER = 1.0  # seconds


class CameraWatch:
    """Watches the frames of one video, uint8 `[h, w, 3]`, RGB, some hundred pixels wide."""

    def __init__(self) -> None:
        self._history: deque[tuple[float, NDArray[np.float32]]] = deque()
        self._now = 0.0
        self._moving = 0.0
        self._still = 0.0
        self._warned = False

    def moving_for(self, frame: Frame, seconds: float) -> float:
        """For how many seconds the camera has seemed to move; `seconds` have passed since the last frame.

        Says so once, as a warning on the logger `vistream`, when it lasts. Every answer looks back half a second.
        """
        self._now += seconds
        grey = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), dtype=np.float32)
        if self._history and self._history[0][1].shape != grey.shape:
            self._history.clear()
        while len(self._history) > 1 and self._now - self._history[1][0] >= SPAN:
            self._history.popleft()
        moves = bool(self._history) and still_share(self._history[0][1], grey) < ENOUGH_STILL
        self._history.append((self._now, grey))
        self._still = 0.0 if moves else self._still + seconds
        # an object can hide most of the picture for a moment; what has lasted must also end for longer than that
        if moves or (self._moving > SPAN and self._still < SPAN):
            self._moving += seconds
        else:
            self._moving = 0.0
        if self._moving >= WARN_AFTER and not self._warned:
            self._warned = True
            log.warning("the camera seems to move: the motion detector makes up for it, and sees less surely")
        return self._moving


def block_gradients(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean gradient of each block, grey levels a pixel, float32 `[18, 24]`."""
    slope = np.abs(cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=1 / 8))
    slope += np.abs(cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=1 / 8))
    return _block_means(np.asarray(slope, np.float32))


def _block_means(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each of `BLOCKS`, float32 `[18, 24]`; blocks are whole pixels, which is quicker, and what is left over at the
    right and the bottom is left out."""
    rows, columns = (size - size % blocks or size for size, blocks in zip(values.shape, BLOCKS[::-1], strict=True))
    return np.asarray(cv2.resize(values[:rows, :columns], BLOCKS, interpolation=cv2.INTER_AREA), np.float32)


def still_share(
    before: NDArray[np.float32], now: NDArray[np.float32], gradients: NDArray[np.float32] | None = None
) -> float:
    """Share of the textured blocks that shifted by less than half a pixel, 0..1; 1 where texture is too rare.

    `gradients`: those of `before`, where they are known already. Every region of the picture counts the same, however
    much texture it has: a large object fills only some.
    Shift = mean |difference| / mean |gradient| in a block: the brightness constancy equation, without its signs.
    """
    brighter = np.float32(np.median((now[::8, ::8] + 1) / (before[::8, ::8] + 1)))
    gradient = brighter * (block_gradients(before) if gradients is None else gradients)
    change = _block_means(np.asarray(cv2.absdiff(now, before * brighter), np.float32))
    textured = gradient > TEXTURE
    still = textured & (change < STILL * gradient)
    texture = cv2.resize(textured.astype(np.float32), REGIONS, interpolation=cv2.INTER_AREA)
    if np.mean(texture > 0) < ENOUGH_TEXTURE:
        return 1.0
    share = cv2.resize(still.astype(np.float32), REGIONS, interpolation=cv2.INTER_AREA)
    return float(np.mean(share[texture > 0] / texture[texture > 0]))
