"""Text whose first line names its columns: what spreadsheets, pandas and other trackers write."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from vistream.errors import VistreamError
from vistream.media.formats.delimited import Columns
from vistream.media.formats.detections.footage import LABEL, Detected, Footage, in_pixels
from vistream.media.formats.detections.numbering import first_number, frames_of

MEANINGS = {
    "frame": ("frame", "frame_id", "frame_number", "frame_index", "frame_no", "frame_num", "frameid", "fn", "image_id"),
    "file": ("filename", "file_name", "file", "image", "image_name", "image_path", "path"),
    "x": ("bb_left", "x", "left", "bbox_left", "xmin", "x_min", "x1", "xtl", "bbox_x", "bbox_x1"),
    "y": ("bb_top", "y", "top", "bbox_top", "ymin", "y_min", "y1", "ytl", "bbox_y", "bbox_y1"),
    "w": ("bb_width", "w", "width", "bbox_width", "bbox_w"),
    "h": ("bb_height", "h", "height", "bbox_height", "bbox_h"),
    "x2": ("x2", "xmax", "x_max", "right", "xbr", "bbox_x2", "bb_right"),
    "y2": ("y2", "ymax", "y_max", "bottom", "ybr", "bbox_y2", "bb_bottom"),
    "cx": ("cx", "x_center", "xcenter", "center_x", "x_centre", "xc"),
    "cy": ("cy", "y_center", "ycenter", "center_y", "y_centre", "yc"),
    "score": ("score", "conf", "confidence", "prob", "probability"),
    "label": ("label", "class", "class_name", "name", "category", "object", "class_id", "cls", "category_id"),
}
"""What a column is to us, and the names that it has, in small letters, the best first."""
FROM_1 = ("bb_left", "bb_top")
"""Columns of MOT Challenge, whose frames and pixels count from 1."""


def read_headed(path: Path, text: Columns, footage: Footage, label: str = LABEL) -> list[Detected]:
    """The objects of a text with names over its columns; `label` where no column has one.

    Raises VistreamError where columns are missing, and with the line for a value that is none.
    """
    assert text.names is not None
    place = {
        meaning: text.names.index(name)
        for meaning, names in MEANINGS.items()
        if (name := next((name for name in names if name in text.names), None)) is not None
    }
    _check_columns(path, place, text.names)
    boxes = np.empty((len(text.rows), 4))
    for row, (number, fields) in enumerate(text.rows):
        boxes[row] = _box(f"{path}, line {number}", fields, place, len(text.names))
    from_1 = set(FROM_1) <= set(text.names)
    boxes = in_pixels(boxes, footage, str(path)) - np.array([from_1, from_1, 0, 0], np.float64)
    frames = _frames(path, text, place, footage, from_1)
    found = []
    for (number, fields), frame, box in zip(text.rows, frames, boxes.tolist(), strict=True):
        if frame < 0:  # of an image that the video does not have
            continue
        score = _number(f"{path}, line {number}", fields[place["score"]]) if "score" in place else 1.0
        name = fields[place["label"]] if "label" in place else label
        found.append(Detected(frame, (box[0], box[1], box[2], box[3]), score, _named(name) or label))
    return found


def _named(name: str) -> str:
    return f"class {int(name)}" if name.isascii() and name.isdigit() else name


def _check_columns(path: Path, place: dict[str, int], names: tuple[str, ...]) -> None:
    sized = {"w", "h"} <= place.keys()
    placed = {"x", "y"} <= place.keys() and (sized or {"x2", "y2"} <= place.keys())
    if not (placed or ({"cx", "cy"} <= place.keys() and sized)) or not {"frame", "file"} & place.keys():
        raise VistreamError(
            f"{path} has the columns {', '.join(names)}: frame, x, y, w, h (or x1, y1, x2, y2) are looked for"
        )


def _box(where: str, fields: list[str], place: dict[str, int], columns: int) -> tuple[float, float, float, float]:
    if len(fields) != columns:
        raise VistreamError(f"{where} has {len(fields)} columns, the first line names {columns}")
    at = {name: _number(where, fields[place[name]]) for name in ("x", "y", "w", "h", "x2", "y2", "cx", "cy")
          if name in place}  # fmt: skip
    if "w" not in at or "h" not in at:
        at["w"], at["h"] = at["x2"] - at["x"], at["y2"] - at["y"]
    if at["w"] <= 0 or at["h"] <= 0:
        raise VistreamError(f"{where}: width and height are {at['w']:g} x {at['h']:g}: both must be positive")
    if "x" not in at or "y" not in at:
        at["x"], at["y"] = at["cx"] - at["w"] / 2, at["cy"] - at["h"] / 2
    return at["x"], at["y"], at["w"], at["h"]


def _frames(path: Path, text: Columns, place: dict[str, int], footage: Footage, from_1: bool) -> list[int]:
    """Of each row, from 0: by the number, else by the file's name."""
    if "frame" not in place:
        names = [fields[place["file"]] for _, fields in text.rows]
        known = frames_of(sorted(set(names)), footage, str(path))
        return [known.get(name, -1) for name in names]
    numbers = []
    for line, fields in text.rows:
        value = _number(f"{path}, line {line}", fields[place["frame"]])
        if value < from_1 or value != int(value) or value > 2**53:
            raise VistreamError(f"{path}, line {line}: the frame is {value:g}: frames are whole numbers from 0")
        numbers.append(int(value))
    first = 1 if from_1 else first_number(numbers, footage, str(path), text.names[place["frame"]] if text.names else "")
    return [number - first for number in numbers]


def _number(where: str, field: str) -> float:
    try:
        value = float(field)
    except ValueError:
        raise VistreamError(f"{where}: {field!r} is not a number") from None
    if not math.isfinite(value):
        raise VistreamError(f"{where}: every value must be a finite number")
    return value
