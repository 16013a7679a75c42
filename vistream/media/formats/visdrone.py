"""VisDrone text: tracks of its videos, and the boxes of single images.

    frame,id,left,top,width,height,score,category,truncation,occlusion

Frames count from 1, pixels from 0; the boxes of an image lack the first two columns. Category 0 marks regions that are
not scored, 11 is anything else. Source: Zhu et al., "Vision Meets Drones", 2018, and its development kit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.media.formats.delimited import Columns, read_columns
from vistream.media.formats.detections.footage import Detected
from vistream.media.formats.mot import MotTracks, read_detection_rows

CATEGORIES = (
    "ignored",
    *("person", "person", "bicycle", "car", "van", "truck", "tricycle", "awning-tricycle", "bus", "motorcycle"),
    "others",
)
"""By number, called as detectors call them: 1 are people who stand or walk, 2 the others, 10 what they call motor."""
REGION, OTHERS = 0, len(CATEGORIES) - 1
VIDEO, IMAGE = 10, 8
"""Columns."""


def is_visdrone(text: Columns) -> bool:
    """Whether the columns seem to be VisDrone's: categories and grades where MOT has -1 or places in the world."""
    return text.width == VIDEO and all(_graded(fields[7:]) for _, fields in text.rows)


def is_visdrone_image(text: Columns) -> bool:
    """Whether the columns seem to be VisDrone's boxes of one image."""
    return text.width == IMAGE and all(_graded(fields[5:]) for _, fields in text.rows)


def _graded(fields: list[str]) -> bool:
    return len(fields) == 3 and fields[0] in _NUMBERS and fields[1] in ("-1", "0", "1") and fields[2] in _OCCLUSIONS


_NUMBERS = frozenset(map(str, range(len(CATEGORIES))))
_OCCLUSIONS = ("-1", "0", "1", "2")


def visdrone_detections(path: Path, text: Columns | None = None) -> list[Detected]:
    """The objects of a video's text, regions left out. Raises VistreamError with the line for whatever is wrong."""
    rows = _rows(path, text)
    return [
        Detected(int(row[0]) - 1, (row[2], row[3], row[4], row[5]), row[6], CATEGORIES[int(row[7])])
        for row in rows.tolist()
        if row[7] != REGION
    ]


def visdrone_image(path: Path, frame: int, text: Columns | None = None) -> list[Detected]:
    """The objects of one image, number `frame` from 0; raises VistreamError as `visdrone_detections`."""
    plain = text or read_columns(path)
    framed = Columns(None, [(number, [str(frame + 1), "-1", *fields]) for number, fields in plain.rows], ",")
    return visdrone_detections(path, framed)


def visdrone_tracks(path: Path, text: Columns | None = None) -> MotTracks:
    """A video's text as tracks; "others" and objects with score 0 are not scored, as in the development kit."""
    rows = _rows(path, text)
    classes = rows[:, 7].astype(np.int64)
    return MotTracks(
        frames=rows[:, 0].astype(np.int64) - 1,
        ids=rows[:, 1].astype(np.int64),
        boxes=rows[:, 2:6],
        confidences=np.where((classes == REGION) | (classes == OTHERS), 0.0, rows[:, 6]),
        classes=classes,
        visibility=np.ones(len(rows)),
        labels=dict(enumerate(CATEGORIES)),
        regions=(classes == REGION) | (classes == OTHERS),
    )


def _rows(path: Path, text: Columns | None) -> NDArray[np.float64]:
    rows, lines = read_detection_rows(path, text)
    for line, category in zip(lines, rows[:, 7].tolist(), strict=True):
        if category not in range(len(CATEGORIES)):
            raise VistreamError(f"{path}, line {line}: there is no category {category:g}: 0 to {OTHERS} are known")
    return rows
