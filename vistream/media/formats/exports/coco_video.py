"""Tracks as COCO annotations of a video, as data sets of tracking have them (TAO, MMTracking); ids: `instance_id`."""

from __future__ import annotations

import json
from typing import Any

from vistream.media.formats.cocoimages import name_of_frame
from vistream.media.formats.coconames import CATEGORIES
from vistream.media.formats.exports.collected import CollectedWriter

VIDEO = 1


class CocoVideoWriter(CollectedWriter):
    """`videos`, `images` with `frame_id`, `annotations` with `instance_id` (and `track_id`), `categories`.

    Images and categories have the numbers that `CocoWriter` gives them, so that the COCO results of the same run
    belong to this file: an image that of its frame, from 0, a category COCO's, or one above those. The id is among an
    annotation's `attributes` too, where CVAT and Datumaro have it.
    """

    def document(self) -> str:
        size = dict(zip(("width", "height"), self.film.size, strict=True))
        labels = sorted({track.label for track in self.tracks.values()})
        numbers = _numbered(labels)
        video = {"id": VIDEO, "name": self.film.name, "fps": self.film.fps, **size}
        images = [
            {
                "id": frame,
                "video_id": VIDEO,
                "frame_id": frame,
                "file_name": name_of_frame(self.film.names, frame),
                **size,
            }
            for frame in self.frames
        ]
        whole = {
            "videos": [video],
            "images": images,
            "annotations": self._annotations(numbers),
            "categories": [{"id": number, "name": label} for label, number in numbers.items()],
        }
        return json.dumps(whole) + "\n"

    def _annotations(self, numbers: dict[str, int]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for identity, track in sorted(self.tracks.items()):
            for frame, box, score, covered in track.places:
                names = {"id": len(rows) + 1, "image_id": frame, "video_id": VIDEO, "instance_id": identity}
                names |= {"track_id": identity, "category_id": numbers[track.label], "iscrowd": 0}
                sides = [round(float(number), 3) for number in box]
                area = round(sides[2] * sides[3], 3)
                shape = {"bbox": sides, "area": area, "segmentation": [], "score": score}
                rows.append({**names, **shape, "attributes": {"track_id": identity, "occluded": covered}})
        return rows


def _numbered(labels: list[str]) -> dict[str, int]:
    """The categories' numbers: COCO's own, and in order those above them for what it does not know.

    >>> _numbered(["bus", "gnu", "person", "yak"])
    {'person': 1, 'bus': 6, 'gnu': 91, 'yak': 92}
    """
    numbers = {name: number for number, name in CATEGORIES.items() if name in labels}
    others = [label for label in labels if label not in numbers]
    return numbers | {label: number for number, label in enumerate(others, start=max(CATEGORIES) + 1)}
