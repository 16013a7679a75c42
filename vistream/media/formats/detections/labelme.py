"""LabelMe's JSON: a file an image. Source: the format that labelme (github.com/wkentaro/labelme) writes.

    {"shapes": [{"label": "car", "shape_type": "rectangle", "points": [[x1, y1], [x2, y2]]}], "imagePath": "a.jpg"}

Shapes of any kind but single points are taken as the boxes around them; a circle is its centre and a point on it.
"""

from __future__ import annotations

import math
from pathlib import Path

from vistream.errors import VistreamError
from vistream.media.formats.detections.footage import LABEL, Detected, stated_size
from vistream.media.formats.detections.shapes import around
from vistream.media.formats.jsonfields import Fields


def is_labelme(value: object) -> bool:
    """Whether a file's JSON seems to be LabelMe's."""
    return isinstance(value, dict) and isinstance(value.get("shapes"), list) and "imagePath" in value


def read_labelme(path: Path, value: object, frame: int) -> list[Detected]:
    """The objects of one image, of `frame` (from 0). Raises VistreamError for whatever is wrong with one."""
    found = []
    whole = Fields(value, str(path))
    sides = [whole.get(name) if name in whole else None for name in ("imageWidth", "imageHeight")]
    for number, thing in enumerate(whole.items("shapes")):
        shape = Fields(thing, f"{path}, shape {number}")
        kind = shape.text("shape_type") if "shape_type" in shape else "polygon"
        points = [Fields({"point": point}, shape.where).numbers("point", 2) for point in shape.items("points")]
        if kind == "point" or (kind == "points" and len(points) < 2):
            continue
        if len(points) < 2:
            raise VistreamError(f"{shape.where}: a {kind} has two points or more")
        if kind == "circle":
            (x, y), radius = points[0], math.dist(*points[:2])
            points = [[x - radius, y - radius], [x + radius, y + radius]]
        box = around([(x, y) for x, y in points])
        label = shape.text("label") if "label" in shape else LABEL
        found.append(Detected(frame, box, 1.0, label, stated_size(*sides)))
    return found
