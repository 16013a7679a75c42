"""Tracks as YOLO text, a file a frame: `class x-centre y-centre width height id`, fractions of the frame.

The ids stand where Ultralytics puts them. `classes.txt` beside the labels has the names, in the order in which the
classes appeared.
"""

from __future__ import annotations

from pathlib import Path

from vistream.atomic import replacing
from vistream.errors import VistreamError
from vistream.media.formats.writer import kept
from vistream.types import Result

CLASSES = "classes.txt"


class YoloFolderWriter:
    """Writes `labels/<frame>.txt`, empty where nothing is seen, and `classes.txt`, into `folder`. Frames from 0."""

    def __init__(self, folder: Path | str, size: tuple[int, int]) -> None:
        self.folder = Path(folder)
        self._size = size
        self._numbers: dict[str, int] = {}
        try:
            (self.folder / "labels").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise VistreamError(f"{folder} can't be made: {error.strerror}") from None

    def write(self, result: Result, stem: str = "") -> None:
        """Write one frame, without what was only predicted, as `<stem>.txt`; without a stem, by its number."""
        width, height = self._size
        lines, known = [], len(self._numbers)
        for track in kept(result):
            x, y, w, h = track.box
            left, top = max(x, 0.0), max(y, 0.0)
            w, h = min(x + w, width) - left, min(y + h, height) - top
            if w <= 0 or h <= 0:
                continue  # filled in outside the frame: a label can't say so
            number = self._numbers.setdefault(track.label, len(self._numbers))
            centre = ((left + w / 2) / width, (top + h / 2) / height, w / width, h / height)
            lines.append(f"{number} {' '.join(f'{value:.6f}' for value in centre)} {track.id}\n")
        with replacing(self.folder / "labels" / f"{stem or f'{result.frame:06d}'}.txt") as temporary:
            temporary.write_text("".join(lines), encoding="utf-8", newline="\n")
        if len(self._numbers) > known:
            with replacing(self.folder / CLASSES) as temporary:
                temporary.write_text("".join(f"{name}\n" for name in self._numbers), encoding="utf-8", newline="\n")
