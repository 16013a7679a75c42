"""Class maps of a video: a PNG a frame, whose pixels are labels, and the shares of the classes as CSV."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from PIL import Image

from vistream.atomic import replacing
from vistream.errors import VistreamError
from vistream.media.formats.davis import write_labels
from vistream.media.formats.writer import ResultWriter
from vistream.types import Result

FIELDS = ("frame", "time", "class", "share")


class ClassMapWriter:
    """Writes one PNG a frame, into `folder`, which is made; each appears complete or not at all.

    A pixel is the number of its class, 255 where it has none. With the palette of the classes, which viewers show, or
    `grey`: the bare numbers, for programs that would turn palettes into colours.
    """

    def __init__(self, folder: Path | str, *, grey: bool = False) -> None:
        self.folder = Path(folder)
        self._grey = grey
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise VistreamError(f"{folder} can't be made: {error.strerror}") from None

    def write(self, result: Result, stem: str = "") -> None:
        """Write one frame, as `<stem>.png`; without a stem, by its number. ValueError where it has no class map."""
        if result.class_map is None:
            raise ValueError(f"frame {result.frame} has no class map")
        path = self.folder / f"{stem or f'{result.frame:05d}'}.png"
        try:
            if self._grey:
                with replacing(path) as temporary:
                    Image.fromarray(result.class_map.labels).save(temporary, format="PNG")
            else:
                write_labels(path, result.class_map.labels, result.class_map.palette)
        except OSError as error:
            raise VistreamError(f"{path} can't be written: {error.strerror}") from None


class SharesCsvWriter(ResultWriter):
    """Columns: frame, time (seconds), class, share (of the pixels, 0..1): a row for each class that occurs."""

    header = ",".join(FIELDS) + "\n"

    def text(self, result: Result) -> str:
        rows = io.StringIO()
        writer = csv.writer(rows, lineterminator="\n")
        for name, share in (result.shares or {}).items():
            writer.writerow((result.frame, f"{result.time:.6f}", name, f"{share:.6f}"))
        return rows.getvalue()
