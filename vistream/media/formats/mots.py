"""MOTS text: masks with ids, read and written.

One line an object: `frame id class height width rle`, separated by spaces, frames from 1 (KITTI-MOTS: from
0), the mask in COCO's compressed run lengths. Ground truth has ids `class * 1000 + n`; class 10 marks
regions that are not scored. Source: Voigtlaender et al., "MOTS", CVPR 2019, and its annotation format.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vistream.errors import VistreamError
from vistream.media.formats import rle
from vistream.media.formats.delimited import is_number
from vistream.media.formats.masked import MaskedObject, MaskedObservations
from vistream.media.formats.rle import Rle
from vistream.media.formats.text import read_lines
from vistream.media.formats.writer import ResultWriter
from vistream.types import Result, Track

log = logging.getLogger("vistream")

LABELS = {1: "car", 2: "person"}
COLUMNS = 6
IGNORE = 10
"""The class of regions that are not scored."""
NEW_CLASSES = 100
"""The first number given to a label that MOTS does not know."""


@dataclass(frozen=True, slots=True)
class MotsRow:
    """One line: `frame` from 0, `label` the class as a number."""

    frame: int
    id: int
    label: int
    mask: Rle


def read_mots(path: Path | str, first_frame: int = 1) -> list[MotsRow]:
    """All rows, in file order; `first_frame` is the number that the file gives the first frame.

    Raises VistreamError, with the line, for a wrong number of columns, a value that is no whole number, a
    frame before the first, a mask that does not fill its size, a size that differs from the first line's,
    and for an id that occurs twice in a frame (regions that are not scored excepted).
    """
    rows: list[MotsRow] = []
    seen: set[tuple[int, int]] = set()
    for number, line in read_lines(path):
        where = f"{path}, line {number}"
        row = _row(where, line.split(), first_frame)
        if rows and row.mask["size"] != rows[0].mask["size"]:
            sizes = [" x ".join(map(str, r.mask["size"])) for r in (row, rows[0])]
            raise VistreamError(f"{where}: the mask is {sizes[0]} pixels, the first one is {sizes[1]}")
        if row.label != IGNORE and (row.frame, row.id) in seen:
            raise VistreamError(f"{where}: id {row.id} occurs twice in frame {row.frame + first_frame}")
        seen.add((row.frame, row.id))
        rows.append(row)
    return rows


def label_name(label: int) -> str:
    """The name of a class, or its number where MOTS has no name for it.

    >>> label_name(2), label_name(27)
    ('person', '27')
    """
    return LABELS.get(label, str(label))


def is_mots(path: Path | str) -> bool:
    """Whether a text seems to be MOTS: six columns between spaces, the last of which is a mask and no number."""
    lines = read_lines(path, any_encoding=True)
    fields = lines[0][1].split() if lines else []
    if len(fields) != COLUMNS or "," in fields[0]:
        return False
    return not is_number(fields[-1]) or _fills(fields)


def read_mots_detections(path: Path | str, first_frame: int = 1) -> MaskedObservations:
    """The masks of a file as `mask_observations` gives them. Raises as `read_mots`."""
    return mask_observations(read_mots(path, first_frame))


def mask_observations(rows: Iterable[MotsRow]) -> MaskedObservations:
    """The masks by frame, without their ids, regions that are not scored left out.

    Labels are "car", "person", or the class number as text; MOTS has no scores, so each is 1.
    """
    frames: dict[int, list[MaskedObject]] = {}
    for row in rows:
        if row.label != IGNORE and rle.area(row.mask):
            frames.setdefault(row.frame, []).append(MaskedObject(row.mask, 1.0, label_name(row.label)))
    return MaskedObservations(frames)


class MotsWriter(ResultWriter):
    """Writes tracks with masks, under their own ids, frames from 1.

    Masks never overlap in the file: a pixel that two tracks claim goes to the higher score, and a mask left
    empty is not written. Labels are numbered as MOTS does; one that is a number stays it; any other gets a
    number from 100 on, which is logged once.
    """

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        self._classes = {label: number for number, label in LABELS.items()}

    def text(self, result: Result) -> str:
        lines = []
        taken = np.zeros((1, 1), dtype=np.bool_)
        for track in sorted(result.tracks, key=lambda t: -t.score):
            if track.mask is None:
                raise ValueError(f"track {track.id} of frame {result.frame} has no mask")
            free = track.mask & ~taken
            taken = taken | track.mask
            if free.any():
                lines.append((track.id, self._line(result.frame, track, rle.encode(free))))
        return "".join(line for _, line in sorted(lines))

    def _line(self, frame: int, track: Track, mask: Rle) -> str:
        height, width = mask["size"]
        label = self._class_of(track.label)
        return f"{frame + 1} {track.id} {label} {height} {width} {mask['counts'].decode('ascii')}\n"

    def _class_of(self, label: str) -> int:
        if label.isascii() and label.isdigit() and int(label) != IGNORE:
            return int(label)
        if label not in self._classes:
            self._classes[label] = max(NEW_CLASSES - 1, *self._classes.values()) + 1
            log.warning('MOTS has no class "%s": written as %d', label, self._classes[label])
        return self._classes[label]


def _fills(fields: list[str]) -> bool:
    """Whether a mask of digits alone fills the size beside it; of a box it would be an accident."""
    try:
        _row("", fields, 0)
    except VistreamError:
        return False
    return True


def _row(where: str, fields: list[str], first_frame: int) -> MotsRow:
    if len(fields) != COLUMNS:
        raise VistreamError(
            f"{where} has {len(fields)} columns: {COLUMNS} are expected (frame id class height width rle)"
        )
    try:
        frame, identity, label, height, width = (int(field) for field in fields[:5])
    except ValueError:
        raise VistreamError(f"{where}: frame, id, class, height and width must be whole numbers") from None
    if frame < first_frame:
        raise VistreamError(f"{where}: frame {frame}: frames are counted from {first_frame}")
    if identity < 0:
        raise VistreamError(f"{where}: the id is {identity}; ids are not negative")
    mask: Rle = {"size": [height, width], "counts": fields[5].encode("utf-8")}
    try:
        rle.check(mask)
    except ValueError as error:
        raise VistreamError(f"{where}: {error}") from None
    return MotsRow(frame - first_frame, identity, label, mask)
