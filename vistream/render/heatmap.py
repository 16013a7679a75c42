"""Where objects stood: a map of warm colours over the last picture of a run."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from vistream.atomic import PendingFile
from vistream.errors import VistreamError
from vistream.tracking.places import feet
from vistream.types import Frame, Result

SUFFIXES = (".png", ".jpg", ".jpeg")
SPREAD = 1 / 40
"""Of the frame's shorter side: how far a standing point glows."""
STRONGEST = 0.75
"""Of the colour, over the picture."""


class HeatMap:
    """Adds up where the feet of all tracks were, in seconds a pixel, and writes the picture `path` when closed.

    As a context manager it keeps what was gathered on Ctrl-C, and leaves nothing after any other exception.
    """

    def __init__(self, path: Path | str, size: tuple[int, int]) -> None:
        if Path(path).suffix.lower() not in SUFFIXES:
            raise VistreamError(f"{path}: a heat map is written as one of {', '.join(SUFFIXES)}")
        self._pending = PendingFile(path)
        self._heat = np.zeros(size[::-1], np.float32)
        self._ground: Frame = np.full((size[1], size[0], 3), 255, np.uint8)

    def follow(self, result: Result) -> None:
        """Add one frame's tracks."""
        height, width = self._heat.shape
        for track in result.tracks:
            x, y = feet(track.box)
            if 0 <= x < width and 0 <= y <= height:
                self._heat[min(int(y), height - 1), int(x)] += 1

    def write(self, frame: Frame, result: Result) -> None:
        """Add one frame's tracks; the picture, uint8 `[H, W, 3]`, RGB, becomes the ground."""
        self.follow(result)
        self._ground = frame

    def picture(self) -> Frame:
        """The map over the ground."""
        heat = cv2.GaussianBlur(self._heat, (0, 0), min(self._heat.shape) * SPREAD)
        share = (heat / max(float(heat.max()), 1e-9))[:, :, None]
        colours = cv2.applyColorMap((255 * share).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
        strength = STRONGEST * np.minimum(1.0, 2 * share)
        grey = np.repeat(cv2.cvtColor(self._ground, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2)
        return np.asarray((1 - strength) * grey + strength * colours, np.uint8)

    def __enter__(self) -> HeatMap:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        suffix = self._pending.path.suffix.lower()
        self._pending.finish(exception, lambda: bytes(cv2.imencode(suffix, self.picture()[..., ::-1])[1]))
