"""CVAT's XML, "for images 1.1" and "for video 1.1".

    <image id="3" name="a.jpg"><box label="car" xtl="1" ytl="2" xbr="5" ybr="6"/></image>
    <track id="0" label="car"><box frame="3" outside="0" keyframe="1" xtl="1" ytl="2" xbr="5" ybr="6"/></track>

Frames and pixels count from 0. Where a track has key frames alone, its boxes between two of them are interpolated, as
CVAT does. Turned boxes, polygons, polylines, ellipses and skeletons are taken as the boxes around them. Source: CVAT's
format specification.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from vistream.errors import VistreamError
from vistream.media.formats.detections.footage import Detected, Footage
from vistream.media.formats.detections.numbering import frames_of
from vistream.media.formats.detections.shapes import around, around_turned
from vistream.media.formats.detections.xmltree import Element, number, points
from vistream.types import Box

ROOT = "annotations"
MOST_FRAMES = 10_000_000


def is_cvat(root: Element) -> bool:
    """Whether a file with this root is CVAT's."""
    return root.tag == ROOT and (root.find("image") is not None or root.find("track") is not None)


def read_cvat(path: Path, root: Element, footage: Footage) -> list[Detected]:
    """Every object, frame by frame. Raises VistreamError for whatever is wrong, with the image or track named."""
    found = [one for track in root.iter("track") for one in _track(track, f"{path}, track {track.get('id')}")]
    images = list(root.iter("image"))
    names = [image.get("name") or "" for image in images]
    known = frames_of(names, footage, str(path)) if images and footage.names else {}
    for image, name in zip(images, names, strict=True):
        where = f"{path}, image {name or image.get('id')}"
        frame = known.get(name, -1) if known else _frame(image, "id", where)
        if frame >= 0:
            found += [
                Detected(frame, SHAPES[shape.tag](shape, where), 1.0, shape.get("label") or "object")
                for shape in image
                if shape.tag in SHAPES
            ]
    return found


def _frame(element: Element, name: str, where: str) -> int:
    value = number(element, name, where)
    if not 0 <= value < MOST_FRAMES or value != int(value):
        raise VistreamError(f"{where}: {name} is {value:g}: frames are whole numbers from 0")
    return int(value)


def _track(track: Element, where: str) -> Iterator[Detected]:
    """The boxes of a track; a box that is outside ends it, until the next one."""
    label = track.get("label") or "object"
    shapes = sorted(
        ((_frame(shape, "frame", where), shape) for shape in track if shape.tag in SHAPES), key=lambda pair: pair[0]
    )
    for position, (frame, shape) in enumerate(shapes):
        if shape.get("outside") == "1":
            continue
        box = SHAPES[shape.tag](shape, where)
        yield Detected(frame, box, 1.0, label)
        if position + 1 < len(shapes):
            following, other = shapes[position + 1]
            gone = other.get("outside") == "1"
            end = box if gone else SHAPES[other.tag](other, where)
            for between in range(frame + 1, following):
                part = (between - frame) / (following - frame)
                yield Detected(between, _mix(box, end, part), 1.0, label)


def _mix(first: Box, second: Box, part: float) -> Box:
    x, y, w, h = ((1 - part) * a + part * b for a, b in zip(first, second, strict=True))
    return x, y, w, h


def _box(shape: Element, where: str) -> Box:
    x1, y1, x2, y2 = (number(shape, name, where) for name in ("xtl", "ytl", "xbr", "ybr"))
    if x2 < x1 or y2 < y1:
        raise VistreamError(f"{where}: a box ends left of, or above, where it begins")
    degrees = number(shape, "rotation", where) if shape.get("rotation") else 0.0
    return around_turned((x1, y1, x2 - x1, y2 - y1), degrees, ((x1 + x2) / 2, (y1 + y2) / 2))


def _outline(shape: Element, where: str) -> Box:
    return around(points(shape, where))


def _skeleton(shape: Element, where: str) -> Box:
    joints = [joint for joint in shape.iter("points") if joint.get("outside") != "1"]
    if not joints:
        raise VistreamError(f"{where}: <{shape.tag}> has no joint that is in the picture")
    return around([place for joint in joints for place in points(joint, where, least=1)])


def _ellipse(shape: Element, where: str) -> Box:
    cx, cy, rx, ry = (number(shape, name, where) for name in ("cx", "cy", "rx", "ry"))
    return cx - rx, cy - ry, 2 * rx, 2 * ry


def _mask(shape: Element, where: str) -> Box:
    left, top, width, height = (number(shape, name, where) for name in ("left", "top", "width", "height"))
    return left, top, width, height


SHAPES: dict[str, Callable[[Element, str], Box]] = {
    "box": _box,
    "polygon": _outline,
    "polyline": _outline,
    "ellipse": _ellipse,
    "mask": _mask,
    "skeleton": _skeleton,
}
