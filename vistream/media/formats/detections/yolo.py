"""YOLO text: a folder with a file an image, or a frame of a video.

    class x-centre y-centre width height [score] [id]      class x1 y1 x2 y2 x3 y3 ... [score] [id]

All as fractions of the frame; the second form is an outline (segmentation, or a turned box); joints may follow a box.
Names of the classes are taken from a `classes.txt`, `obj.names` or YAML file beside it. Source: Darknet's format, as
Ultralytics extends it.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from vistream.errors import VistreamError
from vistream.media.formats.delimited import Columns, is_number
from vistream.media.formats.detections.footage import Detected, Footage
from vistream.media.formats.detections.shapes import around
from vistream.media.formats.detections.yolo_columns import BOX, Row, YoloColumns, columns_of
from vistream.media.formats.text import read_lines, read_text, yaml_value

log = logging.getLogger("vistream")

NAME_LISTS = ("classes.txt", "obj.names", "labels.txt", "_darknet.labels", "names.txt")
MOST_CLASSES = 100_000
LARGEST = 2.0**53
"""What a number in such a file stays below."""


def is_yolo(text: Columns) -> bool:
    """Whether the columns seem to be YOLO's: a class and then fractions. Nothing in a file is YOLO's way to say so."""
    if not text.rows:
        return False
    _, fields = text.rows[0]
    try:
        values = [float(field) for field in fields]
    except ValueError:
        return False
    fractions = all(-0.5 <= value <= 1.5 for value in values[1:5])
    return len(fields) >= BOX and fields[0].isdigit() and fractions


def yolo_columns(texts: Iterable[Columns], where: str) -> YoloColumns:
    """What the columns of a folder's files are. Raises VistreamError, naming the folder, where they may be two things.

    Lines that hold no numbers are left to `read_yolo`, which refuses them.
    """
    lines = (fields for text in texts for _, fields in text.rows)
    rows = [np.array([float(field) for field in fields]) for fields in lines if all(map(is_number, fields))]
    return columns_of([row for row in rows if len(row) >= BOX and (np.abs(row) < LARGEST).all()], where)


def read_yolo(
    path: Path, text: Columns, frame: int, footage: Footage, names: Sequence[str], columns: YoloColumns
) -> Iterator[Detected]:
    """The objects of one file, of `frame` (from 0). Raises VistreamError with the line for whatever is wrong."""
    size = footage.scale(str(path))
    for number, fields in text.rows:
        where = f"{path}, line {number}"
        try:
            values = np.array([float(field) for field in fields])
        except ValueError as error:
            raise VistreamError(f"{where}: {error}") from None
        if not (np.abs(values) < LARGEST).all() or len(values) < BOX or values[0] < 0 or values[0] != int(values[0]):
            raise VistreamError(f"{where}: a class number and four fractions are expected, at the least")
        shape, score = columns.shape_and_score(values)
        box = _centred(shape) if len(shape) < BOX else np.array(around([(x, y) for x, y in shape.reshape(-1, 2)]))
        if min(box[2:]) < 0:
            raise VistreamError(f"{where}: width and height are {box[2]:g} x {box[3]:g}: neither may be negative")
        x, y, w, h = (float(value) for value in box * np.tile(size, 2))
        yield Detected(frame, (x, y, w, h), score, class_name(names, int(values[0])))


def class_name(names: Sequence[str], number: int) -> str:
    """The name of a class, or its number where no name is known.

    >>> class_name(("person", "car"), 1), class_name((), 7)
    ('car', 'class 7')
    """
    return names[number] if number < len(names) and names[number] else f"class {number}"


def class_names(folder: Path) -> tuple[str, ...]:
    """The names of the classes by number, from a list or a YAML file in the folder or one above; else none."""
    for place in (folder, folder.parent, folder.parent.parent):
        for name in NAME_LISTS:
            if (place / name).is_file():
                return tuple(line for _, line in read_lines(place / name))
        for path in sorted(itertools.chain(place.glob("*.yaml"), place.glob("*.yml"))):
            found = _named_in_yaml(read_text(path), str(path))
            if found:
                return found
    return ()


def _named_in_yaml(text: str, where: str) -> tuple[str, ...]:
    """`names` of a data set's YAML file, as a list or by number; none where the file is of another kind.

    >>> _named_in_yaml("nc: 2\\nnames: ['person', \\"car\\"]", ""), _named_in_yaml("names: {0: person, 2: car}", "")
    (('person', 'car'), ('person', '', 'car'))
    """
    try:
        whole = yaml_value(text, where)
    except VistreamError as error:
        log.warning("%s: the names of classes are not taken from it", error)
        return ()
    names = whole.get("names") if isinstance(whole, dict) else None
    if isinstance(names, list):
        return tuple(map(str, names))
    if not isinstance(names, dict) or not all(isinstance(key, int) and 0 <= key < MOST_CLASSES for key in names):
        return ()
    return tuple(str(names.get(number, "")) for number in range(max(names, default=-1) + 1))


def _centred(values: Row) -> Row:
    return np.concatenate([values[:2] - values[2:] / 2, values[2:]])
