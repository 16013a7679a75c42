"""Reading pixels again that left a dead-band, but for lone ones: see `engine/despeckle.py` for the rule.

Compiled where the kernels work here, else by OpenCV; both read the same pixels.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.kernels.library import Variant, library, usable

Pixels = NDArray[np.uint8]


class Despeckle:
    """Called with a frame and what is held of the ones before, both uint8 `[H, W, 3]`, it brings the latter up to date.

    `company`: pixels of 3 x 3, itself among them, that have to leave the band with one; `far`: times the band, from
    which one is read alone. `chosen`: the kernels; None: the best here.
    """

    def __init__(self, company: int, far: int, chosen: Variant | None = None) -> None:
        self._company, self._far = company, far
        self._variant = usable(chosen)
        self._lines = np.empty(0, np.uint8)

    def __call__(self, frame: Pixels, held: Pixels, tau: int) -> None:
        far = min(self._far * tau, 255)
        if self._variant is None:
            self._plainly(frame, held, tau, far)
            return
        frame = np.ascontiguousarray(frame)
        rows, columns = frame.shape[:2]
        if len(self._lines) != 8 * (columns + 2):
            self._lines = np.empty(8 * (columns + 2), np.uint8)
        library().vistream_despeckle(
            self._variant.handle, frame.ctypes.data, held.ctypes.data, rows, columns, tau, far, self._company,
            self._lines.ctypes.data,
        )  # fmt: skip

    def _plainly(self, frame: Pixels, held: Pixels, tau: int, far: int) -> None:
        red, green, blue = cv2.split(cv2.absdiff(frame, held))
        largest = np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)
        moved = (largest > tau).view(np.uint8)
        company = cv2.boxFilter(moved, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
        read = (moved & (company >= self._company).view(np.uint8)) | (largest > far).view(np.uint8)
        cv2.copyTo(frame, read, held)
