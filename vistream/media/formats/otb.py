"""OTB text: one box a frame, `x,y,w,h`, pixels counted from 1 (`groundtruth_rect.txt` and tracker results).

Source: Wu, Lim and Yang, "Online Object Tracking: A Benchmark", CVPR 2013. Columns are separated by commas,
tabs or spaces. NaN stands for "not in the picture".
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.media.formats.text import read_lines
from vistream.media.formats.writer import ResultWriter
from vistream.types import Result

_SEPARATOR = re.compile(r"[\s,;]+")
DECIMALS = 3


def read_otb(path: Path | str) -> NDArray[np.float64]:
    """Boxes (x, y, w, h) `[T, 4]`, pixels from 0; a frame without a box is NaN throughout.

    Raises VistreamError, with the line, for anything but four numbers, a partly missing box, a negative
    size; for a blank line between others; and for a file without a line.
    """
    lines = read_lines(path)
    if not lines:
        raise VistreamError(f"{path} is empty: one box a frame is expected (x,y,w,h)")
    numbers = {number for number, _ in lines}
    blank = next((number for number in range(1, lines[-1][0]) if number not in numbers), None)
    if blank is not None:
        raise VistreamError(f"{path}, line {blank} is blank: lines are frames; NaN,NaN,NaN,NaN stands for no box")
    boxes = [_box(f"{path}, line {number}", line) for number, line in lines]
    return np.array(boxes, dtype=np.float64) - (1.0, 1.0, 0.0, 0.0)


class OtbWriter(ResultWriter):
    """Writes the first track of every frame; NaN where there is none, also for frames that were skipped."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        self._frames = 0

    def text(self, result: Result) -> str:
        if result.frame < self._frames:
            raise ValueError(f"frame {result.frame} comes after frame {self._frames - 1}")
        skipped = result.frame - self._frames
        self._frames = result.frame + 1
        return "NaN,NaN,NaN,NaN\n" * skipped + _line(result)


def _line(result: Result) -> str:
    if not result.tracks:
        return "NaN,NaN,NaN,NaN\n"
    x, y, w, h = result.tracks[0].box
    return ",".join(f"{value:.{DECIMALS}f}" for value in (x + 1, y + 1, w, h)) + "\n"


def _box(where: str, line: str) -> list[float]:
    fields = [field for field in _SEPARATOR.split(line) if field]
    if len(fields) != 4:
        raise VistreamError(f"{where} has {len(fields)} values: 4 are expected (x,y,w,h)")
    try:
        values = [float(field) for field in fields]
    except ValueError as error:
        raise VistreamError(f"{where}: {error}") from None
    missing = [math.isnan(value) for value in values]
    if any(missing) and not all(missing):
        raise VistreamError(f"{where}: a box is missing altogether (NaN,NaN,NaN,NaN) or not at all")
    if any(math.isinf(value) for value in values):
        raise VistreamError(f"{where}: every value must be a finite number")
    if values[2] < 0 or values[3] < 0:
        raise VistreamError(f"{where}: width and height are {values[2]:g} x {values[3]:g}: neither may be negative")
    return values
