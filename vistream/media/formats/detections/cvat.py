"""CVAT's XML, "for images 1.1" and "for video 1.1".

    <image id="3" name="a.jpg"><box label="car" xtl="1" ytl="2" xbr="5" ybr="6"/></image>
    <track id="0" label="car"><box frame="3" outside="0" keyframe="1" xtl="1" ytl="2" xbr="5" ybr="6"/></track>

Frames and pixels count from 0. Where a track has key frames alone, its boxes between two of them are interpolated, and
the last one stays until the task ends, as in CVAT. Turned boxes, polygons, polylines, several points, ellipses, cuboids
and skeletons are taken as the boxes around them. Source: CVAT's format specification.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from vistream.errors import VistreamError
from vistream.media.formats.detections.footage import Detected, Footage, stated_size
from vistream.media.formats.detections.numbering import frames_of
from vistream.media.formats.detections.shapes import around, around_ellipse, around_turned, between, say_left_out
from vistream.media.formats.detections.xmltree import Element, number, points
from vistream.types import Box

ROOT = "annotations"
MOST_FRAMES = 10_000_000
SHAPELESS = ("tag", "attribute")
"""What images and tracks hold beside shapes."""


def is_cvat(root: Element) -> bool:
    """Whether a file with this root is CVAT's."""
    return root.tag == ROOT and (root.find("image") is not None or root.find("track") is not None)


def read_cvat(path: Path, root: Element, footage: Footage) -> list[Detected]:
    """Every object, frame by frame. Raises VistreamError for whatever is wrong, with the image or track named."""
    end = _end(root, footage)
    sides = (
        next((of.text for of in root.iterfind(f"meta//original_size/{name}")), None) for name in ("width", "height")
    )
    size = stated_size(*sides)
    tracked = (one for track in root.iter("track") for one in _track(track, end, f"{path}, track {track.get('id')}"))
    found = [replace(one, picture=size) for one in tracked]
    images = list(root.iter("image"))
    names = [image.get("name") or "" for image in images]
    known = frames_of(names, footage, str(path)) if images and footage.names else {}
    for image, name in zip(images, names, strict=True):
        where = f"{path}, image {name or image.get('id')}"
        frame = known.get(name, -1) if known else _frame(image, "id", where)
        if frame >= 0:
            size = stated_size(image.get("width"), image.get("height"))
            found += [
                Detected(frame, SHAPES[shape.tag](shape, where), 1.0, shape.get("label") or "object", size)
                for shape in image
                if _has_box(shape) and not _is_outside(shape)
            ]
    holders = (*images, *root.iter("track"))
    say_left_out(
        (shape.tag for of in holders for shape in of if shape.tag not in SHAPELESS and not _has_box(shape)), str(path)
    )
    return found


def _end(root: Element, footage: Footage) -> int:
    """The frame behind the last one of the task, as far as the file or the footage says it; else 0."""
    for name, behind in (("stop_frame", 1), ("size", 0)):
        text = root.findtext(f"meta/task/{name}") or root.findtext(f"meta/job/{name}") or ""
        if text.isdecimal() and len(text) <= len(str(MOST_FRAMES)):
            return min(int(text) + behind, MOST_FRAMES if footage.frames is None else footage.frames)
    return footage.frames or 0


def _has_box(shape: Element) -> bool:
    """Whether it is a shape that is read; a single point says nothing of how large a thing is."""
    return shape.tag in SHAPES and not (shape.tag == "points" and ";" not in (shape.get("points") or ""))


def _is_outside(shape: Element) -> bool:
    """Whether a shape says that the object is not in the picture; a skeleton does where each of its joints does."""
    flags = [joint.get("outside") for joint in shape.iter("points")] if shape.tag == "skeleton" else []
    return shape.get("outside") == "1" or (bool(flags) and all(flag == "1" for flag in flags))


def _frame(element: Element, name: str, where: str) -> int:
    value = number(element, name, where)
    if not 0 <= value < MOST_FRAMES or value != int(value):
        raise VistreamError(f"{where}: {name} is {value:g}: frames are whole numbers from 0")
    return int(value)


def _track(track: Element, end: int, where: str) -> Iterator[Detected]:
    """The boxes of a track; a box that is outside ends it, until the next one. `end`: the frame behind the last one."""
    label = track.get("label") or "object"
    shapes = sorted(
        ((_frame(shape, "frame", where), shape) for shape in track if _has_box(shape)), key=lambda pair: pair[0]
    )
    key_frames_alone = all(shape.get("keyframe") != "0" for _, shape in shapes)
    for position, (frame, shape) in enumerate(shapes):
        if _is_outside(shape):
            continue
        box = SHAPES[shape.tag](shape, where)
        yield Detected(frame, box, 1.0, label)
        if position + 1 < len(shapes):
            following, other = shapes[position + 1]
            target = box if _is_outside(other) else SHAPES[other.tag](other, where)
            for passed in range(frame + 1, following):
                part = (passed - frame) / (following - frame)
                yield Detected(passed, between(box, target, part), 1.0, label)
        elif key_frames_alone:
            yield from (Detected(later, box, 1.0, label) for later in range(frame + 1, end))


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
    return around_ellipse((cx, cy), (rx, ry), number(shape, "rotation", where) if shape.get("rotation") else 0.0)


def _cuboid(shape: Element, where: str) -> Box:
    corners = [f"{corner}{face}" for face in (1, 2) for corner in ("tl", "bl", "tr", "br")]
    return around([(number(shape, f"x{name}", where), number(shape, f"y{name}", where)) for name in corners])


def _mask(shape: Element, where: str) -> Box:
    left, top, width, height = (number(shape, name, where) for name in ("left", "top", "width", "height"))
    return left, top, width, height


SHAPES: dict[str, Callable[[Element, str], Box]] = {
    "box": _box,
    "polygon": _outline,
    "polyline": _outline,
    "points": _outline,
    "cuboid": _cuboid,
    "ellipse": _ellipse,
    "mask": _mask,
    "skeleton": _skeleton,
}
