"""Does the camera itself move? A fixed one leaves most textured places of the picture where they were.

It measures no motion: only whether enough of the picture stands still, which moving objects don't prevent and
a pan, a shake or a cut does.
"""

from __future__ import annotations

import logging
from collections import deque
from functools import cache

import numpy as np
from numpy.typing import NDArray

from vistream.kernels.stillness import Stillness
from vistream.types import Frame

Grey = NDArray[np.uint8]

log = logging.getLogger("vistream")

SPAN = 0.5  # seconds between the two frames compared
BLOCKS, REGIONS = (18, 24), (3, 4)  # down and across; every region holds whole blocks
TEXTURE = 4.0  # mean gradient of a block, grey levels a pixel, from which its shift can be judged
STILL = 0.5  # pixels: a block that shifted less stands still
ENOUGH_TEXTURE = 0.8  # of the regions; with less it may be that of an object, and the camera counts as fixed
ENOUGH_STILL = 0.1  # of the textured blocks
WARN_AFTER = 1.0  # seconds


class CameraWatch:
    """Watches the frames of one video, uint8 `[h, w, 3]`, RGB, some hundred pixels wide."""

    def __init__(self) -> None:
        self._history: deque[tuple[float, Grey]] = deque()
        self._now = 0.0
        self._moving = 0.0
        self._still = 0.0
        self._warned = False

    def moving_for(self, frame: Frame, seconds: float) -> float:
        """For how many seconds the camera has seemed to move; `seconds` have passed since the last frame.

        Says so once, as a warning on the logger `vistream`, when it lasts. Every answer looks back half a second.
        """
        self._now += seconds
        grey = grey_of(frame)
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


def grey_of(frame: Frame, smaller: int = 1) -> Grey:
    """A frame, uint8 `[h, w, 3]`, RGB, in grey and so many times smaller, uint8 `[h // smaller, w // smaller]`."""
    return _measures().grey(frame, smaller)


def block_gradients(grey: Grey) -> NDArray[np.float32]:
    """The mean gradient of each block, grey levels a pixel, float32 `[18, 24]`."""
    return _measures().slopes(grey)


def still_share(before: Grey, now: Grey, gradients: NDArray[np.float32] | None = None) -> float:
    """Share of the textured blocks that shifted by less than half a pixel, 0..1; 1 where texture is too rare.

    `before`, `now`: uint8 `[h, w]`. `gradients`: those of `before`, where they are known already. Every region of the
    picture counts the same, however much texture it has: a large object fills only some.
    Shift = mean |difference| / mean |gradient| in a block: the brightness constancy equation, without its signs.
    """
    brighter, change = _measures().differences(before, now)
    gradient = brighter * (block_gradients(before) if gradients is None else gradients)
    textured = gradient > TEXTURE
    still = textured & (change < STILL * gradient)
    textures, stills = _in_regions(textured), _in_regions(still)
    some = textures > 0
    if np.mean(some) < ENOUGH_TEXTURE:
        return 1.0
    return float(np.mean(stills[some] / textures[some]))


def _in_regions(blocks: NDArray[np.bool_]) -> NDArray[np.intp]:
    """How many of the blocks `[18, 24]`, by region `[3, 4]`."""
    (down, across), (rows, columns) = REGIONS, blocks.shape
    return np.asarray(blocks.reshape(down, rows // down, across, columns // across).sum((1, 3)))


@cache
def _measures() -> Stillness:
    return Stillness(BLOCKS)
