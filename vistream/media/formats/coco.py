"""COCO detection results as JSON: what detectors write, read as observations; and a writer.

Either a bare list of `{"image_id", "category_id", "bbox", "score", "segmentation"?, "keypoints"?}`, or an
object with `images`, `annotations` and `categories`. Boxes are (x, y, w, h), pixels from 0. Source: Lin et
al., "Microsoft COCO", ECCV 2014, and its results format.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from vistream.errors import VistreamError
from vistream.media.formats import rle
from vistream.media.formats.cocoimages import images_by_id
from vistream.media.formats.coconames import CATEGORIES
from vistream.media.formats.detections.footage import (
    NOTHING_KNOWN,
    Footage,
    Size,
    in_pixels,
    scaled,
    scales_of,
    stated_size,
)
from vistream.media.formats.detections.numbering import first_number, frames_of
from vistream.media.formats.jsonfields import Fields
from vistream.media.formats.masked import MaskedObject, MaskedObservations
from vistream.media.formats.rle import Rle
from vistream.media.formats.text import read_json
from vistream.media.formats.writer import ResultWriter, kept
from vistream.types import Box, Observations, Result, Track

log = logging.getLogger("vistream")

LABELS = {str(number): name for number, name in CATEGORIES.items()}
"""The categories of a file that does not name its own."""


@dataclass(frozen=True, slots=True)
class _Detection:
    frame: int
    box: Box
    score: float
    label: str
    mask: Rle | None
    keypoints: NDArray[np.float64] | None
    picture: Size | None


def read_coco(
    path: Path | str,
    first_frame: int = 0,
    footage: Footage = NOTHING_KNOWN,
    value: Any = None,  # Any: JSON
) -> Mapping[int, Observations]:
    """Detections by frame (from 0), in file order. `value`: the file's, if read already.

    With `images` in the file, frames are theirs, see `images_by_id`; in a bare list `image_id` is the frame's number,
    counted from `first_frame`, or an image's name. Either every detection has a mask (or keypoints) or none is used.
    Boxes that are fractions of the frame, or of images of another size, are scaled to that of `footage`; masks of
    another size are left out. Raises VistreamError, naming the detection, for whatever is wrong with it.
    """
    whole = read_json(path) if value is None else value
    if isinstance(whole, list):
        rows, labels, images = whole, LABELS, None
    else:
        fields = Fields(whole, str(path))
        rows, labels = fields.items("annotations"), _categories(fields)
        images = images_by_id(fields, footage)
    listed = [Fields(row, f"{path}, detection {number}") for number, row in enumerate(rows)]
    frames = _bare_frames(listed, first_frame, footage, str(path)) if images is None else images.frames
    sizes = {} if images is None else images.sizes
    size = None if footage.size is None else footage.size[::-1]
    found = []
    for row in listed:
        image = row.identity("image_id")
        if image not in frames:
            raise VistreamError(f"{row.where}: image_id is {image}: there is no such image")
        frame = frames[image]
        if frame is not None:  # of an image that the video has
            found.append(_detection(row, frame, labels, sizes.get(image, size)))
    shapes = sorted({tuple(d.mask["size"]) for d in found if d.mask is not None})
    if len(shapes) > 1:
        both = " and ".join(f"{height} x {width}" for height, width in shapes[:2])
        raise VistreamError(f"{path}: masks of {both} pixels: all must have the size of the video")
    return _by_frame(_scaled(found, footage, str(path)))


def _bare_frames(rows: list[Fields], first: int, footage: Footage, where: str) -> dict[str, int | None]:
    """The frame of each `image_id` in a bare list: a number counted from `first`, as text perhaps, or a name."""
    identities = {row.identity("image_id"): row.where for row in rows}
    if not all(re.fullmatch(r"-?[0-9]{1,16}", identity) for identity in identities):
        known = frames_of(list(identities), footage, where)
        return {identity: known.get(identity) for identity in identities}
    for identity, place in identities.items():
        if int(identity) < first:
            raise VistreamError(f"{place}: image_id is {identity}: frames are counted from {first}")
    first = first or first_number(list(map(int, identities)), footage, where, "image_id")
    return {identity: int(identity) - first for identity in identities}


def _scaled(found: list[_Detection], footage: Footage, where: str) -> list[_Detection]:
    boxes = np.array([d.box for d in found], np.float64).reshape(-1, 4)
    pixels = in_pixels(boxes, footage, where)
    if pixels is not boxes:
        return [replace(d, box=tuple(box)) for d, box in zip(found, pixels.tolist(), strict=True)]
    scales = scales_of((d.picture for d in found), footage, where)
    if any(d.mask is not None and scales[d.picture] != (1.0, 1.0) for d in found):
        log.warning("%s: its masks are left out: they have another size than the frames", where)
    return [d if scales[d.picture] == (1.0, 1.0) else _in_frame(d, scales[d.picture]) for d in found]


def _in_frame(found: _Detection, scale: tuple[float, float]) -> _Detection:
    keypoints = None if found.keypoints is None else found.keypoints * (*scale, 1.0)
    return replace(found, box=scaled(found.box, scale), mask=None, keypoints=keypoints)


class CocoWriter(ResultWriter):
    """Writes results as a bare list; `image_id` is the frame (from 0). Labels that COCO does not know are
    refused.
    """

    header = "["
    footer = "\n]\n"

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        self._numbers = {name: number for number, name in CATEGORIES.items()}
        self._separator = "\n"

    def text(self, result: Result) -> str:
        lines = []
        for track in kept(result):
            entry = {"image_id": result.frame, "category_id": self._category(track.label), **_track_json(track)}
            lines.append(self._separator + json.dumps(entry, allow_nan=False))
            self._separator = ",\n"
        return "".join(lines)

    def _category(self, label: str) -> int:
        if label not in self._numbers:
            raise VistreamError(f'COCO has no category "{label}": write MOT text or JSON lines instead')
        return self._numbers[label]


def _track_json(track: Track) -> dict[str, Any]:
    entry: dict[str, Any] = {"bbox": list(track.box), "score": track.score, "track_id": track.id}
    if track.mask is not None:
        code = rle.encode(track.mask)
        entry["segmentation"] = {"size": code["size"], "counts": code["counts"].decode("ascii")}
    if track.keypoints is not None:
        entry["keypoints"] = track.keypoints.ravel().tolist()
    return entry


def _categories(whole: Fields) -> dict[str, str]:
    if "categories" not in whole:
        return LABELS
    items = [Fields(c, f"{whole.where}, category {n}") for n, c in enumerate(whole.items("categories"))]
    return {item.identity("id"): item.text("name") for item in items}


def _detection(fields: Fields, frame: int, labels: Mapping[str, str], size: tuple[int, int] | None) -> _Detection:
    mask = _mask(fields, size) if _has_mask(fields) else None
    x, y, w, h = fields.numbers("bbox", 4) if fields.holds("bbox") or mask is None else coco_mask.toBbox(mask).tolist()
    if w < 0 or h < 0:
        raise VistreamError(f"{fields.where}: the box is {w:g} x {h:g} pixels: neither may be negative")
    keypoints = None
    if fields.holds("keypoints"):
        numbers = fields.numbers("keypoints")
        if len(numbers) % 3:
            raise VistreamError(f"{fields.where}: {len(numbers)} numbers in keypoints, not a multiple of 3")
        keypoints = np.array(numbers).reshape(-1, 3)
    score = fields.number("score") if "score" in fields else 1.0
    picture = None if size is None else stated_size(*size[::-1])
    return _Detection(frame, (x, y, w, h), score, _label(fields, labels), mask, keypoints, picture)


def _label(fields: Fields, labels: Mapping[str, str]) -> str:
    """The category's name: by its number or text, or as it stands beside the number."""
    beside = next((name for name in ("category_name", "label") if name in fields), None)
    category = fields.identity("category_id") if "category_id" in fields or beside is None else ""
    if category not in labels and beside is None:
        raise VistreamError(f"{fields.where}: there is no category {category}")
    return labels[category] if category in labels else fields.text(beside or "")


def _has_mask(fields: Fields) -> bool:
    """An empty list, or one that holds nothing, is how exporters write that there is no mask."""
    if not fields.holds("segmentation"):
        return False
    value = fields.get("segmentation")
    return not isinstance(value, list) or any(part != [] for part in value)


def _mask(fields: Fields, size: tuple[int, int] | None) -> Rle:
    """A mask from compressed or plain run lengths, or from polygons, which need the image's `size`."""
    value = fields.get("segmentation")
    if isinstance(value, list):
        if size is None:
            raise VistreamError(f"{fields.where}: polygons need the image's height and width in the same file")
        parts = [value] if value and not isinstance(value[0], list) else [part for part in value if part != []]
        polygons = [Fields({"p": p}, fields.where).numbers("p") for p in parts]
        if any(len(polygon) < 6 or len(polygon) % 2 for polygon in polygons):
            raise VistreamError(f"{fields.where}: a polygon needs three corners or more, as x, y, x, y, ...")
        _check_drawable(polygons, size, fields.where)
        code = coco_mask.merge(coco_mask.frPyObjects(polygons, *size))
        return {"size": list(size), "counts": bytes(code["counts"])}
    coded = Fields(value, f"{fields.where}, segmentation")
    height, width = (int(n) for n in coded.numbers("size", 2))
    if isinstance(coded.get("counts"), list):
        runs = [int(n) for n in coded.numbers("counts")]
        if min(runs, default=0) < 0 or sum(runs) != height * width or height * width > rle.LARGEST:
            raise VistreamError(f"{coded.where}: the runs do not fill {height} x {width} pixels")
        filled = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T
        return rle.encode(filled)
    mask: Rle = {"size": [height, width], "counts": coded.text("counts").encode("utf-8")}
    try:
        rle.check(mask)
    except ValueError as error:
        raise VistreamError(f"{coded.where}: {error}") from None
    return mask


def _check_drawable(polygons: list[list[float]], size: tuple[int, int], where: str) -> None:
    """pycocotools trusts what it is given: it walks along every edge, and keeps a number for each of its steps."""
    height, width = size
    if height < 1 or width < 1 or height * width > rle.LARGEST:
        raise VistreamError(f"{where}: an image can't be {height} x {width} pixels")
    if any(abs(number) > 2 * max(size) for polygon in polygons for number in polygon):
        raise VistreamError(f"{where}: a polygon has a corner far outside the image")


def _by_frame(found: list[_Detection]) -> Mapping[int, Observations]:
    frames: dict[int, list[_Detection]] = {}
    for detection in found:
        frames.setdefault(detection.frame, []).append(detection)
    if found and all(d.mask is not None for d in found):
        return MaskedObservations(
            {
                frame: [MaskedObject(d.mask, d.score, d.label, d.box) for d in group if d.mask is not None]
                for frame, group in frames.items()
            }
        )
    shapes = {None if d.keypoints is None else d.keypoints.shape for d in found}
    return {frame: _observations(group, with_keypoints=len(shapes) == 1) for frame, group in frames.items()}


def _observations(group: list[_Detection], with_keypoints: bool) -> Observations:
    keypoints = [d.keypoints for d in group if d.keypoints is not None]
    return Observations(
        np.array([d.box for d in group]),
        np.array([d.score for d in group]),
        tuple(d.label for d in group),
        keypoints=np.array(keypoints) if with_keypoints and keypoints else None,
    )
