"""Text whose first line names its columns: what spreadsheets, pandas and other trackers write."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from vistream.errors import VistreamError
from vistream.media.formats.delimited import Columns, is_number
from vistream.media.formats.detections.footage import LABEL, Detected, Footage, in_pixels
from vistream.media.formats.detections.numbering import first_number, frames_of

MEANINGS = {
    "id": ("id", "trackid", "objectid", "identity", "targetid", "tid"),
    "frame": ("frame", "frameid", "framenumber", "frameindex", "frameidx", "frameno", "framenum", "fn", "imageid"),
    "file": ("filename", "file", "image", "imagename", "imagepath", "path", "imageid"),
    "x": ("bbleft", "x", "left", "bboxleft", "xmin", "x1", "xtl", "bboxx", "bboxx1", "minx"),
    "y": ("bbtop", "y", "top", "bboxtop", "ymin", "y1", "ytl", "bboxy", "bboxy1", "miny"),
    "w": ("bbwidth", "w", "width", "bboxwidth", "bboxw"),
    "h": ("bbheight", "h", "height", "bboxheight", "bboxh"),
    "x2": ("x2", "xmax", "right", "xbr", "bboxx2", "bbright", "maxx"),
    "y2": ("y2", "ymax", "bottom", "ybr", "bboxy2", "bbbottom", "maxy"),
    "cx": ("cx", "xcenter", "centerx", "xcentre", "centrex", "xc"),
    "cy": ("cy", "ycenter", "centery", "ycentre", "centrey", "yc"),
    "seen": ("seen",),
    "covered": ("covered",),
    "score": ("score", "conf", "confidence", "prob", "probability"),
    "label": ("label", "classname", "labelname", "name", "category", "class", "object", "classid", "cls", "categoryid"),
}
"""What a column is to us, and the names that it has, in small letters and digits alone, the best first."""
MOT_ORDER = ("frame", "id", "x", "y", "w", "h")
"""What the first columns of MOT text are, whatever they are called."""
FROM_1 = ("bbleft", "bbtop")
"""Columns of MOT Challenge, whose frames and pixels count from 1."""
NO = ("0", "false")
"""How a column says that something is not so."""
PLACES = ("x", "y", "w", "h", "x2", "y2", "cx", "cy")


def read_headed(path: Path, text: Columns, footage: Footage, label: str = LABEL) -> list[Detected]:
    """The objects of a text with names over its columns; `label` where no column has one.

    Raises VistreamError where columns are missing, and with the line for a value that is none.
    """
    assert text.names is not None
    names = [plain_name(name) for name in text.names]
    place = {
        meaning: names.index(name)
        for meaning, known in MEANINGS.items()
        if (name := next((name for name in known if name in names), None)) is not None
    }
    _check_columns(path, place, text.names)
    rows = [row for row in text.rows if not _is_empty(row[1], place) and not _is_predicted(row[1], place)]
    boxes = np.empty((len(rows), 4))
    for row, (number, fields) in enumerate(rows):
        boxes[row] = _box(f"{path}, {text.unit} {number}", fields, place, len(names))
    from_1 = set(FROM_1) <= set(names)
    first_pixel = footage.first_pixel if from_1 else 0
    boxes = in_pixels(boxes, footage, str(path)) - np.array([first_pixel, first_pixel, 0, 0], np.float64)
    frames = _frames(path, replace(text, rows=rows), place, footage, from_1)
    found = []
    for (number, fields), frame, box in zip(rows, frames, boxes.tolist(), strict=True):
        if frame < 0:  # of an image that the video does not have
            continue
        score = _number(f"{path}, {text.unit} {number}", fields[place["score"]]) if "score" in place else 1.0
        name = fields[place["label"]] if "label" in place else label
        found.append(Detected(frame, (box[0], box[1], box[2], box[3]), score, _named(name) or label))
    return found


def check_mot_order(path: Path, text: Columns) -> None:
    """Raise VistreamError where names over the columns of a text say that they are others than those of MOT text, and
    where all that it holds is a line that is neither an object nor such names.
    """
    names = text.names or ()
    known = [any(plain_name(name) in those for those in MEANINGS.values()) for name in names]
    if names and not text.rows and not any(known):
        raise VistreamError(f"{path} holds no line of MOT text (frame,id,left,top,width,height,confidence,...)")
    for place, (name, meaning) in enumerate(zip(names, MOT_ORDER, strict=False)):
        if known[place] and plain_name(name) not in MEANINGS[meaning]:
            raise VistreamError(
                f"{path}: column {place + 1} is {name}, where MOT text has {meaning}: "
                "its columns are frame, id, left, top, width, height, confidence, counted from 1"
            )


def plain_name(name: str) -> str:
    """The name of a column as `MEANINGS` has it.

    >>> plain_name("X Min"), plain_name("frame_number"), plain_name("ImageID")
    ('xmin', 'framenumber', 'imageid')
    """
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _is_empty(fields: list[str], place: dict[str, int]) -> bool:
    """Whether a row has no box: how tables say that a frame has no object."""
    return all(fields[place[name]] == "" for name in PLACES if name in place and place[name] < len(fields))


def _is_predicted(fields: list[str], place: dict[str, int]) -> bool:
    """Whether a row of our own CSV was only predicted, which is no detection.

    What is covered by another detection counts as one, and so does what was filled in, which has a score of 0.
    """
    told = {
        name: fields[place[name]] for name in ("seen", "covered", "score") if place.get(name, len(fields)) < len(fields)
    }
    if told.get("seen", "1").lower() not in NO:
        return False
    score = told.get("score", "1")
    return told.get("covered", "0").lower() in NO and not (is_number(score) and float(score) == 0)


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
    at = {name: _number(where, fields[place[name]]) for name in PLACES if name in place}
    if {"x", "y", "x2", "y2"} <= at.keys():  # where there are a width and a height too, they are the image's
        at["w"], at["h"] = at["x2"] - at["x"], at["y2"] - at["y"]
    if at["w"] <= 0 or at["h"] <= 0:
        raise VistreamError(f"{where}: width and height are {at['w']:g} x {at['h']:g}: both must be positive")
    if "x" not in at or "y" not in at:
        at["x"], at["y"] = at["cx"] - at["w"] / 2, at["cy"] - at["h"] / 2
    return at["x"], at["y"], at["w"], at["h"]


def _frames(path: Path, text: Columns, place: dict[str, int], footage: Footage, from_1: bool) -> list[int]:
    """Of each row, from 0: by the number, else by the file's name."""
    named = place.get("file") if "frame" not in place else place["frame"]
    if named is not None and ("frame" not in place or not any(is_number(fields[named]) for _, fields in text.rows)):
        names = [fields[named] for _, fields in text.rows]
        known = frames_of(sorted(set(names)), footage, str(path))
        return [known.get(name, -1) for name in names]
    numbers = []
    for line, fields in text.rows:
        where = f"{path}, {text.unit} {line}"
        value = _number(where, fields[place["frame"]])
        if value < from_1 or value != int(value) or value > 2**53:
            raise VistreamError(f"{where}: the frame is {value:g}: frames are whole numbers from {from_1:d}")
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
