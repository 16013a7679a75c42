"""The few pictures that a report of a run keeps: a strip of frames, evenly spread, and a poster for its video."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, fields
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.types import Frame, Result

STRIP = 12  # pictures at most
STRIP_WIDTH = 320
POSTER_WIDTH = 960

Jpeg = NDArray[np.uint8]


@dataclass(slots=True)
class Strip:
    """A few pictures, evenly spread over however many there are: when full, every other one is dropped.

    The poster is the last of them that shows a track, or the first of all.
    """

    every: int = 1
    seen: int = 0
    kept: list[tuple[int, Jpeg]] = field(default_factory=list)
    poster: Jpeg | None = None

    def add(self, result: Result, picture: Frame) -> None:
        """Take in one frame's result, and the frame as it was drawn: uint8 `[H, W, 3]`, RGB."""
        if self.seen % self.every == 0:
            if len(self.kept) == STRIP:
                self.kept = self.kept[::2]
                self.every *= 2
            if self.seen % self.every == 0:
                self.kept.append((result.frame, _jpeg(picture, STRIP_WIDTH)))
                if result.tracks or self.poster is None:
                    self.poster = _jpeg(picture, POSTER_WIDTH)
        self.seen += 1

    def memory(self) -> dict[str, Any]:
        """Everything, as plain data: `Strip(**memory)` goes on with it."""
        return {part.name: getattr(self, part.name) for part in fields(self)}

    def html(self) -> str:
        """The strip as a grid of figures."""
        pictures = (
            f'<figure><img src="{data_url(jpeg)}" alt="frame {frame}"><figcaption>frame {frame}</figcaption></figure>'
            for frame, jpeg in self.kept
        )
        return f'<div class="strip">{"".join(pictures)}</div>'


def data_url(jpeg: Jpeg) -> str:
    """A picture as an address that needs no file."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg.tobytes()).decode()}"


def _jpeg(picture: Frame, width: int) -> Jpeg:
    factor = min(1.0, width / picture.shape[1])
    size = (max(1, round(picture.shape[1] * factor)), max(1, round(picture.shape[0] * factor)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    encoded = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 82])[1]
    return np.asarray(encoded, np.uint8)
