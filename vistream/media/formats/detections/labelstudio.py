"""Label Studio's JSON: boxes of images and of videos, of annotators and of models; and its short form, JSON-MIN.

    [{"data": {"image"}, "annotations": [{"result": [{"type": "rectanglelabels", "value": {x, y, width, height}}]}]}]
    [{"data": {"video"}, "annotations": [{"result": [{"type": "videorectangle", "value": {"sequence": [...]}}]}]}]

Places and sizes are per cent of the frame; turned boxes, polygons and ellipses are taken as the boxes around them. The
frames of a video count from 1; between two entries of a sequence boxes are interpolated, while the earlier one is
enabled; where the last one is, its box stays until the video ends.
Source: Label Studio's export formats.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vistream.errors import VistreamError
from vistream.media.formats.detections.footage import LABEL, Detected, Footage
from vistream.media.formats.detections.numbering import frames_of
from vistream.media.formats.detections.shapes import around, around_ellipse, around_turned, between, say_left_out
from vistream.media.formats.jsonfields import Fields
from vistream.types import Box

MOST_FRAMES = 10_000_000
SHAPES = (
    *("rectanglelabels", "rectangle", "videorectangle"),
    *("polygonlabels", "polygon", "ellipselabels", "ellipse"),
)
BOXLESS = ("brushlabels", "brush", "keypointlabels", "keypoint", "bitmasklabels", "bitmask", "vectorlabels", "vector")
"""Types of shapes that are not read."""
LABELS = ("rectanglelabels", "polygonlabels", "ellipselabels", "labels")
ANSWERS = ("annotations", "predictions", "completions")
"""Where a task keeps what was found: of annotators, else of models, else as old versions called it."""


def is_label_studio(value: object) -> bool:
    """Whether a file's JSON seems to be Label Studio's."""
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        return False
    short = any(_is_short(entry) for entry in value[0].values())
    return short or ("data" in value[0] and any(name in value[0] for name in ANSWERS))


def _is_short(entry: object) -> bool:
    first = entry[0] if isinstance(entry, list) and entry else None
    return isinstance(first, dict) and any(name in first for name in (*LABELS[:-1], "sequence"))


def read_label_studio(path: Path, tasks: list[Any], footage: Footage) -> list[Detected]:
    """Every box, frame by frame. Raises VistreamError, with the task named, for whatever is wrong."""
    whole = [Fields(task, f"{path}, task {number}") for number, task in enumerate(tasks)]
    types = (entry.get("type") for task in whole for entry in _entries(task) if "type" in entry)
    say_left_out((kind for kind in types if kind in BOXLESS), str(path))
    results = [list(_results(task)) for task in whole]
    names = [_name(task) for task in whole]
    still = [name for name, of in zip(names, results, strict=True) if not any("sequence" in value for value in of)]
    frames = frames_of(still, footage, str(path)) if len(set(still)) == len(still) else {}
    found: list[Detected] = []
    for position, (name, of) in enumerate(zip(names, results, strict=True)):
        for value in of:
            if "sequence" in value:
                found += _sequence(value, footage)
            elif name in frames or not frames:
                found.append(Detected(frames.get(name, position), _box(value, footage), _score(value), _label(value)))
    return found


def _results(task: Fields) -> Iterator[Fields]:
    """The values of all boxes of a task, in either form."""
    for entry in _entries(task):
        if "type" in entry and entry.text("type") not in SHAPES:
            continue
        where = entry.where
        value = Fields(entry.get("value"), where) if "value" in entry else entry
        if "score" in entry:
            value = Fields({**_plain(value), "score": entry.get("score")}, where)
        if any(name in value for name in ("x", "points", "sequence")):
            yield value


def _plain(value: Fields) -> dict[str, Any]:
    sizes = ("x", "y", "width", "height", "rotation", "radiusX", "radiusY", "points")
    names = (*sizes, "sequence", "framesCount", *LABELS)
    return {name: value.get(name) for name in names if name in value}


def _entries(task: Fields) -> Iterator[Fields]:
    answers = next((name for name in ANSWERS if name in task and task.items(name)), None)
    if answers is None:
        for name in task.names():
            if _is_short(task.get(name)):
                yield from (Fields(value, f"{task.where}, {name} {n}") for n, value in enumerate(task.items(name)))
        return
    for number, answer in enumerate(task.items(answers)):
        fields = Fields(answer, f"{task.where}, answer {number}")
        if "was_cancelled" in fields and fields.get("was_cancelled"):
            continue
        results = fields.items("result")
        yield from (Fields(value, f"{fields.where}, result {n}") for n, value in enumerate(results))
        return  # the first annotator's: a second one's are of the same objects


def _name(task: Fields) -> str:
    """What the image or video of a task is called."""
    data = Fields(task.get("data"), task.where) if "data" in task else task
    known = next((name for name in ("image", "video", "img", "url") if name in data), None)
    return str(data.get(known)).split("?")[0] if known else ""


def _sequence(value: Fields, footage: Footage) -> Iterator[Detected]:
    label = _label(value)
    entries = [Fields(entry, f"{value.where}, entry {n}") for n, entry in enumerate(value.items("sequence"))]
    entries.sort(key=lambda entry: entry.whole("frame"))
    counts = (footage.frames, value.whole("framesCount") if "framesCount" in value else None)
    length = min((count for count in counts if count), default=0)
    for position, entry in enumerate(entries):
        frame, box = entry.whole("frame"), _box(entry, footage)
        if not 1 <= frame < MOST_FRAMES:
            raise VistreamError(f"{entry.where}: frame {frame}: frames are counted from 1")
        yield Detected(frame - 1, box, _score(value), label)
        if "enabled" in entry and not entry.get("enabled"):
            continue
        if position + 1 < len(entries):
            following = entries[position + 1].whole("frame")
            end = _box(entries[position + 1], footage)
            for passed in range(frame + 1, min(following, MOST_FRAMES)):
                part = (passed - frame) / (following - frame)
                yield Detected(passed - 1, between(box, end, part), _score(value), label)
        else:
            yield from (Detected(later, box, _score(value), label) for later in range(frame, min(length, MOST_FRAMES)))


def _box(value: Fields, footage: Footage) -> Box:
    width, height = (size / 100 for size in footage.scale(value.where))
    if "points" in value:
        corners = [Fields({"point": point}, value.where).numbers("point", 2) for point in value.items("points")]
        if len(corners) < 2:
            raise VistreamError(f"{value.where}: an outline has two corners or more")
        return around([(x * width, y * height) for x, y in corners])
    degrees = value.number("rotation") if "rotation" in value else 0.0
    if "radiusX" in value:
        x, y, across, down = (value.number(name) for name in ("x", "y", "radiusX", "radiusY"))
        return around_ellipse((x * width, y * height), (across * width, down * height), degrees)
    x, y, w, h = (value.number(name) for name in ("x", "y", "width", "height"))
    if w < 0 or h < 0:
        raise VistreamError(f"{value.where}: the box is {w:g} x {h:g} per cent: neither may be negative")
    left, top = x * width, y * height
    return around_turned((left, top, w * width, h * height), degrees, (left, top))


def _score(value: Fields) -> float:
    return value.number("score") if "score" in value else 1.0


def _label(value: Fields) -> str:
    names = next((value.items(name) for name in LABELS if name in value), [])
    return str(names[0]) if names else LABEL
