"""MOT Challenge text: detections, results and ground truth, read and written.

One line an object: `frame,id,left,top,width,height,confidence,...`, frames and pixels counted from 1
(Milan et al., "MOT16", arXiv 1603.00831, section 3.3). What vistream works with counts from 0, so the
readers take 1 off and the writer puts it back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.media.formats.writer import ResultWriter
from vistream.types import Observations, Result

COLUMNS = range(7, 11)
LABEL = "object"
DECIMALS = 3
LARGEST = 2.0**53
"""Whole numbers from here on are not exact any more."""


@dataclass(frozen=True, slots=True)
class MotTracks:
    """Boxes with ids; row `i` of every array is one line of the file, in its order.

    `frames`, `ids`: int64 `[N]`, frames from 0; no id occurs twice in a frame. `boxes`: float64 `[N, 4]`.
    `confidences`: float64 `[N]`: the score of a result, or the flag of a ground truth (0: not scored).
    `classes` (int64) and `visibility` (float64), both `[N]`: from nine-column files (MOT16 and later), else None.
    """

    frames: NDArray[np.int64]
    ids: NDArray[np.int64]
    boxes: NDArray[np.float64]
    confidences: NDArray[np.float64]
    classes: NDArray[np.int64] | None = None
    visibility: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.frames)


def read_detections(path: Path | str, label: str = LABEL) -> dict[int, Observations]:
    """Detections by frame (from 0), in file order; scores as they stand; the file has no classes: all are `label`.

    Frames without a detection have no entry. `VistreamError` names file and line for a wrong number of columns,
    a value that is not a finite number, a frame below 1, a width or height that is not positive.
    """
    rows, _ = _read(Path(path))
    frames = rows[:, 0].astype(np.int64) - 1
    boxes, scores = _boxes(rows), rows[:, 6]
    order = np.argsort(frames, kind="stable")
    starts = np.flatnonzero(np.diff(frames[order], prepend=-1))
    groups = [group for group in np.split(order, starts) if len(group)]
    return {int(frames[group[0]]): Observations(boxes[group], scores[group], (label,) * len(group)) for group in groups}


def read_tracks(path: Path | str) -> MotTracks:
    """A result file, or the ground truth of MOT15 (ten columns) or MOT16 and later (nine).

    Raises `VistreamError` as `read_detections` does, and for an id that is negative (as in detection files)
    or occurs twice in a frame.
    """
    path = Path(path)
    rows, lines = _read(path)
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
    )


class MotWriter(ResultWriter):
    """Writes results: ten columns, `frame,id,left,top,width,height,score,-1,-1,-1`."""

    def text(self, result: Result) -> str:
        rows = []
        for track in result.tracks:
            x, y, w, h = track.box
            if not (all(map(math.isfinite, track.box)) and w > 0 and h > 0 and math.isfinite(track.score)):
                raise ValueError(f"track {track.id} of frame {result.frame} is no box: {track.box}")
            # a size that would round to nothing could not be read back
            numbers = (x + 1, y + 1, max(w, 10**-DECIMALS), max(h, 10**-DECIMALS))
            box = ",".join(f"{number:.{DECIMALS}f}" for number in numbers)
            rows.append(f"{result.frame + 1},{track.id},{box},{track.score:.6f},-1,-1,-1\n")
        return "".join(rows)


def _boxes(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns 3 to 6 with pixels counted from 0."""
    return np.subtract(rows[:, 2:6], (1.0, 1.0, 0.0, 0.0))


def _read(path: Path) -> tuple[NDArray[np.float64], list[int]]:
    """All values `[N, columns]`, checked, and the line number of each row."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise VistreamError(f"{path} is not a text file") from None
    except OSError as error:
        raise VistreamError(f"{path} can't be read: {error.strerror}") from None
    rows: list[list[float]] = []
    lines: list[int] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            rows.append(_row(path, number, line.split(",")))
            lines.append(number)
            if len(rows[-1]) != len(rows[0]):
                raise VistreamError(f"{path}, line {number} has {len(rows[-1])} columns, the first has {len(rows[0])}")
    return np.array(rows, dtype=np.float64).reshape(len(rows), -1 if rows else COLUMNS[-1]), lines


def _row(path: Path, number: int, fields: list[str]) -> list[float]:
    """One line as numbers, checked for what every MOT file must hold."""
    where = f"{path}, line {number}"
    if len(fields) not in COLUMNS:
        raise VistreamError(
            f"{where} has {len(fields)} comma-separated columns: "
            "7 to 10 are expected (frame,id,left,top,width,height,confidence,...)"
        )
    try:
        values = [float(field) for field in fields]
    except ValueError as error:
        raise VistreamError(f"{where}: {error}") from None
    if not all(abs(value) < LARGEST for value in values):
        raise VistreamError(f"{where}: every value must be a finite number, below 2^53")
    if values[0] < 1 or values[0] != int(values[0]):
        raise VistreamError(f"{where}: the frame is {values[0]:g}: frames are whole numbers from 1")
    if values[4] <= 0 or values[5] <= 0:
        raise VistreamError(f"{where}: width and height are {values[4]:g} x {values[5]:g}: both must be positive")
    return values
