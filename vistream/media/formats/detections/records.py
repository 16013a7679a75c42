"""JSON that lists objects one by one, or frame by frame, as trackers, detectors and tables are written out.

    [{"frame_number", "x_min", "y_min", "x_max", "y_max", "confidence", "class_name"}]      supervision, pandas
    [[{"name", "confidence", "box": {"x1", "y1", "x2", "y2"}}]]                             Ultralytics
    [{"frame_id", "filename", "objects": [{"name", "relative_coordinates": {...}}]}]        Darknet
    [{"name", "frameIndex", "labels": [{"category", "box2d": {"x1", "y1", "x2", "y2"}}]}]   BDD100K
    {"predictions": [{"x", "y", "width", "height", "class", "confidence"}]}                 Roboflow, by centres

Every object becomes a row of a table whose columns go by their names, see `headed.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vistream.errors import VistreamError
from vistream.media.formats.delimited import Columns
from vistream.media.formats.detections.footage import Detected, Footage
from vistream.media.formats.detections.headed import MEANINGS, plain_name, read_headed

BY_CENTRE = "predictions"
GROUPS = (BY_CENTRE, "objects", "detections", "labels")
"""What the objects of a frame are listed under."""
BOXES = ("box", "box2d", "bbox", "relative_coordinates")
"""What the sides of an object's box are kept under, where they are apart: by name, or as x, y, width, height."""
SIDES = ("x", "y", "w", "h")
OF_FRAME = {*MEANINGS["frame"], *MEANINGS["file"]}

Record = dict[str, Any]


def has_records(value: object) -> bool:
    """Whether a file's JSON lists objects in none of the ways of COCO."""
    if isinstance(value, dict):
        return isinstance(value.get(BY_CENTRE), list)
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, list) or (isinstance(first, dict) and "image_id" not in first)


def read_records(path: Path, value: Any, footage: Footage) -> list[Detected]:
    """Every object. Raises VistreamError for whatever is wrong, with the object's number, from 0."""
    records = list(_records(value, str(path)))
    names = sorted({name for record in records for name in record})
    rows = [(number, [_text(record.get(name)) for name in names]) for number, record in enumerate(records)]
    return read_headed(path, Columns(tuple(names), rows, ",", "object"), footage) if rows else []


def _records(value: Any, where: str) -> Iterator[Record]:
    """The objects, flat, under plain names, each with its frame."""
    for index, entry in enumerate(value if isinstance(value, list) else [value]):
        if isinstance(entry, list):
            yield from ({"frame": index, **_flat(thing, where)} for thing in entry)
            continue
        group = next((name for name in GROUPS if isinstance(entry, dict) and isinstance(entry.get(name), list)), None)
        if group is None:
            yield _flat(entry, where)
            continue
        frame = _frame_of(entry, index)
        for thing in entry[group]:
            record = {**frame, **_flat(thing, where)}
            if group == BY_CENTRE and "x" in record and "y" in record:
                record["cx"], record["cy"] = record.pop("x"), record.pop("y")
            yield record


def _frame_of(entry: Record, index: int) -> Record:
    """What a list of objects says of its frame; else its place among the lists."""
    known = {plain_name(name): value for name, value in entry.items() if plain_name(name) in OF_FRAME}
    if not known and isinstance(entry.get("name"), str):
        known = {"file": entry["name"]}
    return {name: value for name, value in known.items() if isinstance(value, int | str)} or {"frame": index}


def _flat(thing: Any, where: str) -> Record:
    if not isinstance(thing, dict):
        raise VistreamError(f"{where}: an object with a box is expected, not {str(thing)[:40]}")
    record: Record = {}
    for name, value in thing.items():
        inside = value if name in BOXES else None
        if isinstance(inside, list):
            inside = dict(zip(SIDES, inside, strict=False))
        record |= inside if isinstance(inside, dict) else {name: value}
    return {plain_name(name): value for name, value in record.items()}


def _text(value: object) -> str:
    """A field as a table has it."""
    return str(value) if isinstance(value, int | float | str) else ""
