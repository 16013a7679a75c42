"""COCO panoptic: a JSON file of segments, and beside it a folder of its name with a PNG for each image.

    panoptic_val2017.json    panoptic_val2017/000000000139.png

In a PNG, a pixel's segment is R + 256 G + 65536 B, 0 for none. Source: Kirillov et al., "Panoptic Segmentation", CVPR
2019, and COCO's description of its formats.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vistream.atomic import replacing
from vistream.errors import VistreamError
from vistream.media.formats.jsonfields import Fields
from vistream.media.formats.text import read_json
from vistream.media.formats.writer import ResultWriter
from vistream.media.video.picture import load_picture
from vistream.models.classes import ClassSet
from vistream.types import Result, Segment

Ids = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Category:
    """What a segment can be, under its number in the file."""

    number: int
    name: str
    thing: bool


@dataclass(frozen=True, slots=True)
class FileSegment:
    """A segment as a file has it: the `id` of its pixels, the number of its category; a crowd is several things."""

    id: int
    category: int
    crowd: bool


@dataclass(frozen=True, slots=True)
class PanopticImage:
    """The segments of one image, whose pixels are in the file `map`."""

    key: str
    map: Path
    segments: tuple[FileSegment, ...]


@dataclass(frozen=True, slots=True)
class PanopticFile:
    """A whole file; `categories` are empty where it names none. Images by key: the PNG's name without ending."""

    categories: tuple[Category, ...]
    images: dict[str, PanopticImage]


def map_folder(path: Path) -> Path:
    """Where the PNGs of a JSON file lie.

    >>> map_folder(Path("a/panoptic_val2017.json")).as_posix()
    'a/panoptic_val2017'
    """
    return path.with_suffix("")


def read_panoptic(path: Path) -> PanopticFile:
    """Raises VistreamError, naming the place, for whatever is wrong with the file. The PNGs are not read."""
    whole = Fields(read_json(path), str(path))
    categories = []
    for number, item in enumerate(whole.items("categories") if "categories" in whole else ()):
        fields = Fields(item, f"{path}, category {number}")
        thing = bool(fields.whole("isthing")) if "isthing" in fields else True
        categories.append(Category(fields.whole("id"), fields.text("name"), thing))
    images: dict[str, PanopticImage] = {}
    for number, item in enumerate(whole.items("annotations")):
        fields = Fields(item, f"{path}, annotation {number}")
        name = Path(fields.text("file_name")).name  # nothing outside the folder is read
        if Path(name).stem in images:
            raise VistreamError(f"{fields.where}: {name} is annotated twice")
        segments = tuple(_segment(part, fields.where) for part in fields.items("segments_info"))
        images[Path(name).stem] = PanopticImage(Path(name).stem, map_folder(path) / name, segments)
    return PanopticFile(tuple(categories), images)


def _segment(value: object, where: str) -> FileSegment:
    fields = Fields(value, f"{where}, a segment")
    crowd = bool(fields.whole("iscrowd")) if "iscrowd" in fields else False
    return FileSegment(fields.whole("id"), fields.whole("category_id"), crowd)


def read_ids(path: Path) -> Ids:
    """The segments' ids, int32 `[H, W]`, of a PNG. Raises VistreamError for a file that is no picture in colours."""
    image = load_picture(path)
    if image.mode not in ("RGB", "RGBA"):
        raise VistreamError(f"{path} holds no colours (mode {image.mode}): segments are written as R + 256 G + 65536 B")
    red, green, blue = np.moveaxis(np.asarray(image)[..., :3].astype(np.int32), 2, 0)
    return np.asarray(red + 256 * green + 65536 * blue, np.int32)


def write_ids(path: Path, ids: Ids) -> None:
    """Save segments' ids `[H, W]`, below 2^24, as such a PNG."""
    colours = np.stack([ids & 255, ids >> 8 & 255, ids >> 16 & 255], axis=2).astype(np.uint8)
    try:
        with replacing(path) as temporary:
            Image.fromarray(colours).save(temporary, format="PNG")
    except OSError as error:
        raise VistreamError(f"{path} can't be written: {error.strerror}") from None


class PanopticWriter(ResultWriter):
    """Writes frames as COCO panoptic results: segments into the JSON file, pixels into the folder of its name.

    `classes`: all that there can be; their numbers become the categories'. `stems`: names of the PNGs, frame by frame;
    without, `00000.png` is frame 0. A frame without pixels (one that an earlier run wrote) gets no PNG.
    """

    footer = "\n]}\n"

    def __init__(self, path: Path | str, classes: ClassSet, stems: Sequence[str] = ()) -> None:
        self._folder = map_folder(Path(path))
        if self._folder == Path(path):
            raise VistreamError(f"{path}: give a name that ends in .json; the pictures go into a folder of that name")
        self._numbers = dict(zip(classes.names, classes.numbers, strict=True))
        things = classes.things or (False,) * len(classes)
        rows = zip(classes.numbers, classes.names, things, classes.palette.tolist(), strict=True)
        known = [{"id": n, "name": name, "isthing": int(thing), "color": colour} for n, name, thing, colour in rows]
        self.header = f'{{"categories": {json.dumps(known)},\n"annotations": ['
        self._stems, self._separator = stems, "\n"
        super().__init__(path)
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            self._finish(type(error))
            raise VistreamError(f"{self._folder} can't be made: {error.strerror}") from None

    def write(self, result: Result) -> None:
        if result.class_map is not None and result.class_map.ids is not None:
            write_ids(self._folder / self._name(result), result.class_map.ids)
        super().write(result)

    def text(self, result: Result) -> str:
        segments = [self._segment(segment) for segment in result.segments]
        entry = {"image_id": result.frame, "file_name": self._name(result), "segments_info": segments}
        line, self._separator = self._separator + json.dumps(entry, allow_nan=False), ",\n"
        return line

    def _segment(self, segment: Segment) -> dict[str, object]:
        box = [round(float(side), 3) for side in segment.box]
        whole = {"id": segment.id, "category_id": self._numbers[segment.label], "area": segment.area, "bbox": box}
        return {**whole, "iscrowd": 0, "score": round(segment.score, 6)}

    def _name(self, result: Result) -> str:
        stem = self._stems[result.frame] if result.frame < len(self._stems) else f"{result.frame:05d}"
        return f"{stem}.png"
