"""KITTI text: tracking labels and results, and the labels of single images.

    frame id type truncated occluded alpha x1 y1 x2 y2 height width length X Y Z rotation [score]

Columns are separated by spaces, frames and pixels counted from 0; the labels of an image lack the first two. `DontCare`
marks regions that are not scored, with the id -1. Source: Geiger et al., CVPR 2012, and the development kit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vistream.errors import VistreamError
from vistream.media.formats.delimited import Columns, read_columns
from vistream.media.formats.detections.footage import Detected
from vistream.media.formats.mot import LARGEST, MotTracks

DONT_CARE = "dontcare"
TRACKING = (17, 18)
IMAGE = (15, 16)
"""Columns, without and with a score."""
LABELS = {"pedestrian": "person", "person_sitting": "person"}
"""What other names this program has for KITTI's types, in small letters; the others keep theirs."""


@dataclass(frozen=True, slots=True)
class KittiRow:
    """One line: frame (from 0) and id, both 0 for labels of an image; whether it is a region that is not scored."""

    id: int
    region: bool
    found: Detected


def is_kitti(text: Columns) -> bool:
    """Whether the columns seem to be KITTI tracking text."""
    return text.width in TRACKING and not text.rows[0][1][2][:1].isdigit()


def is_kitti_image(text: Columns) -> bool:
    """Whether the columns seem to be KITTI's labels of one image."""
    return text.width in IMAGE and text.rows[0][1][0][:1].isalpha()


def read_kitti(path: Path, text: Columns | None = None, frame: int | None = None) -> list[KittiRow]:
    """The rows of tracking text; with a `frame`, of the labels of that image. `text`: of the file, if read already.

    Raises VistreamError with the line for whatever is wrong.
    """
    widths, skipped = (TRACKING, 2) if frame is None else (IMAGE, 0)
    rows = []
    for number, fields in (text or read_columns(path)).rows:
        where = f"{path}, line {number}"
        if len(fields) not in widths:
            raise VistreamError(f"{where} has {len(fields)} columns: KITTI text has {widths[0]} or {widths[1]}")
        try:
            x1, y1, x2, y2 = (float(field) for field in fields[skipped + 4 : skipped + 8])
            score = float(fields[-1]) if len(fields) == widths[1] else 1.0
            at, identity = (int(fields[0]), int(fields[1])) if frame is None else (frame, 0)
        except ValueError as error:
            raise VistreamError(f"{where}: {error}") from None
        if not all(math.isfinite(value) and abs(value) < LARGEST for value in (x1, y1, x2, y2, score, at, identity)):
            raise VistreamError(f"{where}: every value must be a finite number, below 2^53")
        if at < 0 or x2 <= x1 or y2 <= y1:
            raise VistreamError(f"{where}: frames count from 0, and a box's right lower corner is its second")
        kind = fields[skipped].lower()
        found = Detected(at, (x1, y1, x2 - x1, y2 - y1), score, LABELS.get(kind, kind))
        rows.append(KittiRow(identity, kind == DONT_CARE, found))
    return rows


def kitti_tracks(path: Path, text: Columns | None = None) -> MotTracks:
    """Tracking text as tracks; raises VistreamError as `read_kitti`, and for an id that occurs twice in a frame."""
    rows = read_kitti(path, text)
    names = sorted({row.found.label for row in rows})
    seen: set[tuple[int, int]] = set()
    for row in rows:
        key = (row.found.frame, row.id)
        if not row.region and key in seen:
            raise VistreamError(f"{path}: id {row.id} occurs twice in frame {row.found.frame}")
        seen.add(key)
    return MotTracks(
        frames=np.array([row.found.frame for row in rows], np.int64),
        ids=np.array([row.id for row in rows], np.int64),
        boxes=np.array([row.found.box for row in rows], np.float64).reshape(-1, 4),
        confidences=np.array([0.0 if row.region else row.found.score for row in rows], np.float64),
        classes=np.array([names.index(row.found.label) for row in rows], np.int64),
        visibility=np.ones(len(rows)),
        labels=dict(enumerate(names)),
        regions=np.array([row.region for row in rows], np.bool_),
    )
