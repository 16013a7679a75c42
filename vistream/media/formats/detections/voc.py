"""Pascal VOC's XML: a file an image, whose pixels count from 1. Source: Everingham et al., IJCV 2010."""

from __future__ import annotations

from pathlib import Path

from vistream.errors import VistreamError
from vistream.media.formats.detections.footage import Detected, stated_size
from vistream.media.formats.detections.xmltree import Element

ROOT = "annotation"
CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read_voc(path: Path, root: Element, frame: int) -> list[Detected]:
    """The objects of one file. Raises VistreamError for whatever is wrong with it."""
    found = []
    picture = stated_size(root.findtext("size/width"), root.findtext("size/height"))
    for number, thing in enumerate(root.iter("object")):
        where = f"{path}, object {number}"
        box = thing.find("bndbox")
        try:
            x1, y1, x2, y2 = (float((box.findtext(name) if box is not None else None) or "") for name in CORNERS)
        except ValueError:
            raise VistreamError(f"{where} has no box: {', '.join(CORNERS)} are looked for") from None
        if not (abs(x1) + abs(y1) + abs(x2) + abs(y2) < 2**53 and x2 >= x1 and y2 >= y1):
            raise VistreamError(f"{where}: {x1:g}, {y1:g}, {x2:g}, {y2:g} is no box")
        sides = (x1 - 1, y1 - 1, x2 - x1 + 1, y2 - y1 + 1)
        found.append(Detected(frame, sides, 1.0, thing.findtext("name") or "object", picture))
    return found
