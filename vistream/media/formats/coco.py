"""COCO detection results as JSON: what detectors write, read as observations; and a writer.

Either a bare list of `{"image_id", "category_id", "bbox", "score", "segmentation"?, "keypoints"?}`, or an
object with `images`, `annotations` and `categories`. Boxes are (x, y, w, h), pixels from 0. Source: Lin et
al., "Microsoft COCO", ECCV 2014, and its results format.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from vistream.errors import VistreamError
from vistream.media.formats import rle
from vistream.media.formats.coconames import CATEGORIES
from vistream.media.formats.jsonfields import Fields
from vistream.media.formats.masked import MaskedObject, MaskedObservations
from vistream.media.formats.rle import Rle
from vistream.media.formats.text import read_json
from vistream.media.formats.writer import ResultWriter
from vistream.types import Box, Observations, Result, Track


@dataclass(frozen=True, slots=True)
class _Detection:
    frame: int
    box: Box
    score: float
    label: str
    mask: Rle | None
    keypoints: NDArray[np.float64] | None


def read_coco(path: Path | str, first_frame: int = 0) -> Mapping[int, Observations]:
    """Detections by frame (from 0), in file order.

    With `images` in the file, frames follow their order; in a bare list `image_id` is the frame's number,
    counted from `first_frame`. Either every detection has a mask (or keypoints) or none is used. Raises
    VistreamError, naming the detection, for whatever is wrong with it.
    """
    value = read_json(path)
    if isinstance(value, list):
        rows, frames, labels, sizes = value, None, CATEGORIES, {}
    else:
        whole = Fields(value, str(path))
        rows, labels = whole.items("annotations"), _categories(whole)
        images = [Fields(i, f"{path}, image {n}") for n, i in enumerate(whole.items("images"))]
        frames = {image.whole("id"): number for number, image in enumerate(images)}
        sizes = {i.whole("id"): (i.whole("height"), i.whole("width")) for i in images if "height" in i}
    found = []
    for number, row in enumerate(rows):
        fields = Fields(row, f"{path}, detection {number}")
        image = fields.whole("image_id")
        frame = image - first_frame if frames is None else frames.get(image, -1)
        if frame < 0:
            known = f"frames are counted from {first_frame}" if frames is None else "there is no such image"
            raise VistreamError(f"{fields.where}: image_id is {image}: {known}")
        found.append(_detection(fields, frame, labels, sizes.get(image)))
    shapes = sorted({tuple(d.mask["size"]) for d in found if d.mask is not None})
    if len(shapes) > 1:
        both = " and ".join(f"{height} x {width}" for height, width in shapes[:2])
        raise VistreamError(f"{path}: masks of {both} pixels: all must have the size of the video")
    return _by_frame(found)


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
        for track in result.tracks:
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


def _categories(whole: Fields) -> dict[int, str]:
    if "categories" not in whole:
        return CATEGORIES
    items = [Fields(c, f"{whole.where}, category {n}") for n, c in enumerate(whole.items("categories"))]
    return {item.whole("id"): item.text("name") for item in items}


def _detection(fields: Fields, frame: int, labels: Mapping[int, str], size: tuple[int, int] | None) -> _Detection:
    x, y, w, h = fields.numbers("bbox", 4)
    if w < 0 or h < 0:
        raise VistreamError(f"{fields.where}: the box is {w:g} x {h:g} pixels: neither may be negative")
    category = fields.whole("category_id")
    if category not in labels:
        raise VistreamError(f"{fields.where}: there is no category {category}")
    keypoints = None
    if "keypoints" in fields:
        numbers = fields.numbers("keypoints")
        if len(numbers) % 3:
            raise VistreamError(f"{fields.where}: {len(numbers)} numbers in keypoints, not a multiple of 3")
        keypoints = np.array(numbers).reshape(-1, 3)
    mask = _mask(fields, size) if "segmentation" in fields else None
    score = fields.number("score") if "score" in fields else 1.0
    return _Detection(frame, (x, y, w, h), score, labels[category], mask, keypoints)


def _mask(fields: Fields, size: tuple[int, int] | None) -> Rle:
    """A mask from compressed or plain run lengths, or from polygons, which need the image's `size`."""
    value = fields.get("segmentation")
    if isinstance(value, list):
        if size is None:
            raise VistreamError(f"{fields.where}: polygons need the image's height and width in the same file")
        polygons = [Fields({"p": p}, fields.where).numbers("p") for p in value]
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
