"""MOT Challenge text: detections, results and ground truth, read and written.

One line an object: `frame,id,left,top,width,height,confidence,...`, frames and pixels counted from 1, separated by
commas, in files that people have also by semicolons, tabs or spaces, with a line of names or not
(Milan et al., "MOT16", arXiv 1603.00831, section 3.3). What vistream works with counts from 0, so the
readers take 1 off and the writer puts it back.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.media.formats.coconames import CATEGORIES
from vistream.media.formats.delimited import SEPARATORS, Columns, read_columns
from vistream.media.formats.detections.footage import LABEL, NOTHING_KNOWN, Footage, are_fractions, in_pixels
from vistream.media.formats.detections.headed import check_mot_order
from vistream.media.formats.text import read_lines
from vistream.media.formats.writer import ResultWriter, kept
from vistream.types import Observations, Result, Track

log = logging.getLogger("vistream")

COLUMNS = range(6, 11)
CLASS_LIST = "labels.txt"
DECIMALS = 3
NUMBERS = {name: number for number, name in CATEGORIES.items()}
LARGEST = 2.0**53
"""Whole numbers from here on are not exact any more."""


@dataclass(frozen=True, slots=True)
class MotTracks:
    """Boxes with ids; row `i` of every array is one line of the file, in its order.

    `frames`, `ids`: int64 `[N]`, frames from 0; no id occurs twice in a frame. `boxes`: float64 `[N, 4]`.
    `confidences`: float64 `[N]`: the score of a result, or the flag of a ground truth (0: not scored).
    `classes` (int64) and `visibility` (float64), both `[N]`: from nine-column files (MOT16 and later), else None.
    `labels`: the classes' names by number, where the file or one beside it has them; then they are not MOT16's.
    `regions`: bool `[N]`, where nothing is scored (KITTI, VisDrone), else None.
    """

    frames: NDArray[np.int64]
    ids: NDArray[np.int64]
    boxes: NDArray[np.float64]
    confidences: NDArray[np.float64]
    classes: NDArray[np.int64] | None = None
    visibility: NDArray[np.float64] | None = None
    labels: Mapping[int, str] | None = None
    regions: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.frames)

    def pick(self, chosen: NDArray[np.bool_]) -> MotTracks:
        """The rows where `chosen`, bool `[N]`, is true."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "labels"}
        picked: dict[str, Any] = {name: None if array is None else array[chosen] for name, array in arrays.items()}
        return replace(self, **picked)


def read_detections(
    path: Path | str, label: str = LABEL, footage: Footage = NOTHING_KNOWN, text: Columns | None = None
) -> dict[int, Observations]:
    """Detections by frame (from 0), in file order; scores as they stand; the file has no classes: all are `label`.

    Frames without a detection have no entry. Boxes that are fractions of the frame are scaled to that of `footage`.
    Pixels count from `footage.first_pixel`; where a frame has the number 0, frames and pixels count from 0, which is
    logged. `VistreamError` names file and line for a wrong number of columns, a value that is not a finite number, a
    frame below 0, a width or height that is not positive.
    """
    rows, _ = read_detection_rows(Path(path), text, first=0)
    from_0 = bool((rows[:, 0] == 0).any())
    if from_0:
        log.warning("%s: there is a frame 0: frames and pixels are taken as counted from 0, not from 1", path)
    elif footage.first_pixel == 0:
        log.info("%s: its pixels are taken as counted from 0", path)
    frames = rows[:, 0].astype(np.int64) - (not from_0)
    fractions = footage.size is not None and are_fractions(rows[:, 2:6])  # which are not counted from 1
    first_pixel = 0 if from_0 else footage.first_pixel
    boxes = in_pixels(rows[:, 2:6], footage, str(path)) if fractions else _boxes(rows, first_pixel)
    scores = rows[:, 6]
    order = np.argsort(frames, kind="stable")
    starts = np.flatnonzero(np.diff(frames[order], prepend=-1))
    groups = [group for group in np.split(order, starts) if len(group)]
    return {int(frames[group[0]]): Observations(boxes[group], scores[group], (label,) * len(group)) for group in groups}


def read_tracks(path: Path | str, text: Columns | None = None) -> MotTracks:
    """A result file, or the ground truth of MOT15 (ten columns) or MOT16 and later (nine).

    Raises `VistreamError` as `read_detections` does, and for an id that is negative (as in detection files)
    or occurs twice in a frame.
    """
    path = Path(path)
    text = text or read_columns(path)
    first = text.names or (text.rows[0][1] if text.rows else ())
    if first and first[0][:1] in ("{", "[", "<"):
        raise VistreamError(f"{path} is JSON or XML, not MOT text (frame,id,left,top,width,height,confidence,...)")
    check_mot_order(path, text)
    rows, lines = read_detection_rows(path, text)
    seen: set[tuple[float, float]] = set()
    for line, (frame, identity) in zip(lines, rows[:, :2].tolist(), strict=True):
        if identity < 0 or identity != int(identity):
            raise VistreamError(f"{path}, line {line}: the id is {identity:g}, not a whole number from 0: no tracks")
        if (frame, identity) in seen:
            raise VistreamError(f"{path}, line {line}: id {identity:g} occurs twice in frame {frame:g}")
        seen.add((frame, identity))
    classed = rows.shape[1] == 9
    return MotTracks(
        frames=rows[:, 0].astype(np.int64) - 1,
        ids=rows[:, 1].astype(np.int64),
        boxes=_boxes(rows),
        confidences=rows[:, 6],
        classes=rows[:, 7].astype(np.int64) if classed else None,
        visibility=rows[:, 8] if classed else None,
        labels=_labels_beside(path) if classed else None,
    )


def _labels_beside(path: Path) -> dict[int, str] | None:
    """The classes that CVAT names in `labels.txt` beside the `gt.txt` that it exports; None where it is MOT16's."""
    names = path.with_name(CLASS_LIST)
    if not names.is_file():
        return None
    return {number: line for number, (_, line) in enumerate(read_lines(names), start=1)}


class MotWriter(ResultWriter):
    """Writes results: ten columns, `frame,id,left,top,width,height,score,class,-1,-1`.

    `first`: the number of the first pixel, 1 as MOTChallenge counts, or 0. `classes`: whether the class is written, as
    its number in COCO; else it is -1, which benchmarks of one class expect. Boxes that were only predicted are left
    out; those with a score of 0 were filled in afterwards.
    """

    def __init__(self, path: Path | str, first: int = 1, classes: bool = False) -> None:
        self._first, self._classes = first, classes
        super().__init__(path)

    def text(self, result: Result) -> str:
        rows = []
        for track in kept(result):
            x, y, w, h = track.box
            if not (all(map(math.isfinite, track.box)) and w > 0 and h > 0 and math.isfinite(track.score)):
                raise ValueError(f"track {track.id} of frame {result.frame} is no box: {track.box}")
            # a size that would round to nothing could not be read back
            numbers = (x + self._first, y + self._first, max(w, 10**-DECIMALS), max(h, 10**-DECIMALS))
            box = ",".join(f"{number:.{DECIMALS}f}" for number in numbers)
            rows.append(f"{result.frame + 1},{track.id},{box},{track.score:.6f},{self._class(track)},-1,-1\n")
        return "".join(rows)

    def _class(self, track: Track) -> int:
        if not self._classes:
            return -1
        if track.label not in NUMBERS:
            raise VistreamError(f'COCO has no category "{track.label}": write plain MOT text, JSON lines or CSV')
        return NUMBERS[track.label]


def _boxes(rows: NDArray[np.float64], first_pixel: int = 1) -> NDArray[np.float64]:
    """Columns 3 to 6 with pixels counted from 0."""
    return np.subtract(rows[:, 2:6], (first_pixel, first_pixel, 0, 0))


def read_detection_rows(
    path: Path, text: Columns | None = None, first: int = 1
) -> tuple[NDArray[np.float64], list[int]]:
    """All values `[N, columns]` as they stand, checked, and the line number of each row.

    `text`: if read already; `first`: the least number that a frame may have.
    """
    text = text or read_columns(path)
    rows = [_row(path, number, columns, text.separator, first) for number, columns in text.rows]
    for (number, columns), row in zip(text.rows, rows, strict=True):
        if len(row) != text.width:
            raise VistreamError(f"{path}, line {number} has {len(columns)} columns, the first has {text.width}")
    lines = [number for number, _ in text.rows]
    values = np.array(rows, dtype=np.float64).reshape(len(rows), -1 if rows else COLUMNS[-1])
    if values.shape[1] == COLUMNS[0]:  # no confidence: certain
        values = np.column_stack([values, np.ones(len(values))])
    return values, lines


def _row(path: Path, number: int, fields: list[str], separator: str, first: int) -> list[float]:
    """One line as numbers, checked for what every MOT file must hold."""
    where = f"{path}, line {number}"
    if len(fields) not in COLUMNS:
        raise VistreamError(
            f"{where} has {len(fields)} {SEPARATORS[separator]}-separated columns: "
            "6 to 10 are expected (frame,id,left,top,width,height,confidence,...)"
        )
    try:
        values = [float(field) for field in fields]
    except ValueError as error:
        raise VistreamError(f"{where}: {error}") from None
    if not all(abs(value) < LARGEST for value in values):
        raise VistreamError(f"{where}: every value must be a finite number, below 2^53")
    if values[0] < first or values[0] != int(values[0]):
        raise VistreamError(f"{where}: the frame is {values[0]:g}: frames are whole numbers from {first}")
    if values[4] <= 0 or values[5] <= 0:
        raise VistreamError(f"{where}: width and height are {values[4]:g} x {values[5]:g}: both must be positive")
    return values
