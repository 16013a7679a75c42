"""One picture of every track: its best shot."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from vistream.atomic import replacing
from vistream.errors import VistreamError
from vistream.types import Frame, Result, Track

LARGEST = 512
"""Pixels of a picture's longer side."""
QUALITY = 92
CUT = 0.25
"""What a shot is worth that the frame's edge cuts, of one that is whole."""


@dataclass(slots=True)
class Shot:
    """The best picture of one track so far, as JPEG; its class is the track's last."""

    label: str
    worth: float
    jpeg: bytes


class BestShots:
    """The best shot of each track so far: large, certain, not cut by the frame's edge.

    `largest`: pixels of a picture's longer side; `most`: of how many tracks, the best of them; None: of all.
    """

    def __init__(self, largest: int = LARGEST, most: int | None = None) -> None:
        self._largest, self._most = largest, most
        self.shots: dict[int, Shot] = {}

    def add(self, frame: Frame, result: Result) -> None:
        """Take one frame, uint8 `[H, W, 3]`, RGB."""
        for track in result.tracks:
            worth = worth_of(track, (frame.shape[1], frame.shape[0]))
            best = self.shots.get(track.id)
            if worth > 0 and (best is None or worth > best.worth):
                self.shots[track.id] = Shot(track.label, worth, _crop(frame, track, self._largest))
            elif best is not None:
                best.label = track.label
        if self._most is not None and len(self.shots) > 2 * self._most:
            ranked = sorted(self.shots, key=lambda identity: -self.shots[identity].worth)
            self.shots = {identity: self.shots[identity] for identity in ranked[: self._most]}


class CropsWriter:
    """Keeps each track's best shot, and writes them as `ID-CLASS.jpg` when closed.

    As a context manager it keeps what was gathered on Ctrl-C, and leaves nothing after any other exception.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self._best = BestShots()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise VistreamError(f"{folder} can't be made: {error.strerror}") from None

    def write(self, frame: Frame, result: Result) -> None:
        """Take one frame, uint8 `[H, W, 3]`, RGB."""
        self._best.add(frame, result)

    def close(self) -> None:
        """Write the pictures."""
        for identity, shot in sorted(self._best.shots.items()):
            label = re.sub(r"[^\w-]+", "-", shot.label).strip("-")
            name = f"{identity:04d}-{label}.jpg" if label else f"{identity:04d}.jpg"
            with replacing(self.folder / name) as temporary:
                temporary.write_bytes(shot.jpeg)

    def __enter__(self) -> CropsWriter:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if exception is None or issubclass(exception, KeyboardInterrupt):
            self.close()


def worth_of(track: Track, size: tuple[int, int]) -> float:
    """How good a shot of a track is, in a frame of `size` (width, height); 0 where there is nothing of it to see.

    >>> whole, cut = Track(1, (10, 10, 20, 40), 0.5, ""), Track(1, (-5, 10, 20, 40), 0.5, "")
    >>> worth_of(whole, (99, 99)) > worth_of(cut, (99, 99)) > worth_of(Track(1, (200, 0, 9, 9), 1.0, ""), (99, 99))
    True
    """
    x, y, w, h = track.box
    seen = max(0.0, min(x + w, size[0]) - max(x, 0)), max(0.0, min(y + h, size[1]) - max(y, 0))
    whole = x >= 0 and y >= 0 and x + w <= size[0] and y + h <= size[1]
    return float(track.score * np.sqrt(seen[0] * seen[1]) * (1.0 if whole else CUT))


def _crop(frame: Frame, track: Track, largest: int) -> bytes:
    x, y, w, h = track.box
    rows = slice(max(0, round(y)), max(1, round(y + h)))
    columns = slice(max(0, round(x)), max(1, round(x + w)))
    picture = np.ascontiguousarray(frame[rows, columns][..., ::-1])
    factor = largest / max(picture.shape[:2])
    if factor < 1:
        picture = np.asarray(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])
