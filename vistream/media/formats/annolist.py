"""The `annolist` form of PoseTrack (2017): read only.

`{"annolist": [{"image": [{"name"}], "is_labeled", "ignore_regions", "annorect": [{"track_id": [1], "x1",
"y1", "x2", "y2" of the head, "annopoints": [{"point": [{"id": [0], "x": [..], "y": [..],
"score"?}]}]}]}]}`: every value may be wrapped in a list of one. Joint ids run over the 15 joints of
`ORDER`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vistream.errors import VistreamError
from vistream.media.formats.jsonfields import Fields
from vistream.media.formats.poses import Array, Person, PoseImage, PoseVideo

ORDER = (
    *("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle"),
    *("right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist"),
    *("head_bottom", "nose", "head_top"),
)
"""The joints by their ids, 0 to 14."""


def from_annolist(value: Fields) -> PoseVideo:
    """The video in a parsed file. Raises VistreamError, naming the image, for whatever is wrong with it."""
    images = []
    for number, item in enumerate(value.items("annolist")):
        fields = _unwrapped(item, f"{value.where}, image {number}")
        name = _unwrapped(fields.get("image"), f"{fields.where}, image").text("name")
        rects = fields.get("annorect") if "annorect" in fields else []
        people = tuple(_read_rects(rects, fields.where))
        labeled = bool(fields.get("is_labeled")) if "is_labeled" in fields else True
        images.append(PoseImage(number, name, labeled, people, _regions(fields)))
    return PoseVideo(ORDER, tuple(images))


def _unwrapped(value: object, where: str) -> Fields:
    """An object whose fields, and which itself, may sit in lists of one; lists of objects stay lists."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return Fields(value, where)
    plain = {
        key: item[0] if isinstance(item, list) and len(item) == 1 and not isinstance(item[0], dict | list) else item
        for key, item in value.items()
    }
    return Fields(plain, where)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _read_rects(rects: Any, where: str) -> list[Person]:
    people: list[Person] = []
    for number, rect in enumerate(_listed(rects)):
        fields = _unwrapped(rect, f"{where}, person {number}")
        person = _read_person(fields)
        if person.id is not None and any(person.id == other.id for other in people):
            raise VistreamError(f"{fields.where}: track {person.id} occurs twice in the image")
        people.append(person)
    return people


def _read_person(fields: Fields) -> Person:
    joints, present = np.zeros((len(ORDER), 2)), np.zeros(len(ORDER), dtype=np.bool_)
    scores: dict[int, float] = {}
    annotated = fields.get("annopoints") if "annopoints" in fields else []
    points = _unwrapped(annotated, fields.where).get("point") if annotated else []
    for number, item in enumerate(_listed(points)):
        point = _unwrapped(item, f"{fields.where}, point {number}")
        joint = point.whole("id")
        if not 0 <= joint < len(ORDER):
            raise VistreamError(f"{point.where}: joint id {joint}: 0 to {len(ORDER) - 1} are known")
        joints[joint] = point.number("x"), point.number("y")
        present[joint] = True
        if "score" in point:
            scores[joint] = point.number("score")
    corners = ("x1", "y1", "x2", "y2")
    head = tuple(fields.number(key) for key in corners) if all(key in fields for key in corners) else None
    return Person(
        id=fields.whole("track_id") if "track_id" in fields else None,
        joints=joints,
        present=present,
        scores=np.array([scores.get(joint, 1.0) for joint in range(len(ORDER))]) if scores else None,
        head=None if head is None else (head[0], head[1], head[2], head[3]),
        score=fields.number("score") if "score" in fields else None,
    )


def _regions(fields: Fields) -> tuple[Array, ...]:
    regions = []
    for number, item in enumerate(_listed(fields.get("ignore_regions")) if "ignore_regions" in fields else []):
        region = _unwrapped(item, f"{fields.where}, ignored region {number}")
        corners = [_unwrapped(corner, region.where) for corner in _listed(region.get("point"))]
        regions.append(np.array([(corner.number("x"), corner.number("y")) for corner in corners]))
    return tuple(regions)
