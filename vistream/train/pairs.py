"""Pictures and the labels that belong to them: label maps of classes, or COCO panoptic segments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vistream.errors import VistreamError
from vistream.media.formats.davis import read_classes
from vistream.media.formats.panoptic import FileSegment, read_ids, read_panoptic
from vistream.media.formats.text import read_lines
from vistream.media.video.images import read_image
from vistream.models.classes import VOID, ClassSet, class_set
from vistream.models.spike2former.segments import INSTANCE
from vistream.train.config import DataConfig, FolderConfig
from vistream.types import Frame

ORIENTATION = 0x0112  # the tag of EXIF
TURNED = (5, 6, 7, 8)  # its values that exchange rows and columns
Labels = NDArray[np.integer]
"""A number a pixel, `[H, W]`: its class, of a thing class + 1000 k (k from 1), or `VOID`. uint8 without things."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture and its label map; `segments`: of a panoptic one, whose pixels are their ids."""

    image: Path
    labels: Path
    segments: tuple[FileSegment, ...] | None = None


def find_pairs(root: Path, folder: FolderConfig) -> tuple[Pair, ...]:
    """All pairs of a folder, by name; raises VistreamError where there are none, or a label map is missing."""
    pairs = tuple(_named(root, folder) if folder.segments is None else _panoptic(root, folder))
    if not pairs:
        raise VistreamError(f"{root / folder.images}: there are no pictures *{folder.images_end}")
    missing = next((path for pair in pairs for path in (pair.image, pair.labels) if not path.is_file()), None)
    if missing is not None:
        raise VistreamError(f"{missing}: is missing, though its partner is there")
    return pairs


def _named(root: Path, folder: FolderConfig) -> list[Pair]:
    images, labels = root / folder.images, root / folder.labels
    if folder.names is not None:
        listing = root / folder.names
        if not listing.is_file():
            raise VistreamError(f"{listing}: the list of pictures is not there")
        names = [line.strip() for _, line in read_lines(listing)]
    else:
        found = sorted(path for path in images.rglob(f"*{folder.images_end}") if not path.name.startswith("."))
        names = [str(path.relative_to(images)).removesuffix(folder.images_end) for path in found]
    return [Pair(images / f"{name}{folder.images_end}", labels / f"{name}{folder.labels_end}") for name in names]


def _panoptic(root: Path, folder: FolderConfig) -> list[Pair]:
    assert folder.segments is not None
    found = read_panoptic(root / folder.segments).images.values()
    return [
        Pair(root / folder.images / f"{image.key}{folder.images_end}", image.map, image.segments) for image in found
    ]


def check_sizes(pairs: Iterable[Pair]) -> None:
    """Raise VistreamError for a picture or map whose header can't be read, and for two of different sizes."""
    for pair in pairs:
        if _size(pair.image) != _size(pair.labels):
            raise VistreamError(f"{pair.labels}: is of another size than {pair.image.name}")


def _size(path: Path) -> tuple[int, int]:
    """Of a picture as it is read: turned as its EXIF says."""
    try:
        with Image.open(path) as picture:
            turned = "exif" in picture.info and picture.getexif().get(ORIENTATION, 1) in TURNED
            return picture.size[::-1] if turned else picture.size
    except Exception as error:  # a damaged file makes the decoders fail in any way they like
        raise VistreamError(f"{path} can't be read as an image: {error}") from None


def read_pair(pair: Pair, config: DataConfig) -> tuple[Frame, Labels]:
    """The picture and its labels `[H, W]`; raises VistreamError for a number that is neither a class nor void."""
    image, classes = read_image(pair.image), class_set(config.labels)
    labels = read_classes(pair.labels) if pair.segments is None else _things(pair, pair.segments, classes)
    if labels.shape != image.shape[:2]:
        raise VistreamError(f"{pair.labels}: is of another size than {pair.image.name}")
    if pair.segments is None:
        if config.reduce_zero_label:
            labels = np.where(labels == VOID, np.uint8(VOID), labels - 1)  # 0 becomes void, too
        wrong = labels[(labels >= len(classes)) & (labels != VOID)]
        if wrong.size:
            number = int(wrong.max()) + config.reduce_zero_label
            raise VistreamError(
                f"{pair.labels}: holds the number {number}, which is none of the {len(classes)} classes of "
                f"{config.labels}, nor 255, void: number its classes as the set does"
            )
    return image, labels


def labels_of(pair: Pair, classes: ClassSet) -> dict[int, int]:
    """The class of every segment of a pair, by its id; crowds too. Raises VistreamError for a category without one."""
    by_number = {number: label for label, number in enumerate(classes.numbers)}
    found = {}
    for segment in pair.segments or ():
        if segment.category not in by_number:
            raise VistreamError(f"{pair.labels}: segment {segment.id} is of category {segment.category}, which is none")
        found[segment.id] = by_number[segment.category]
    return found


def _things(pair: Pair, segments: tuple[FileSegment, ...], classes: ClassSet) -> Labels:
    """Crowds are void: they are several things, of which nobody says where one ends."""
    ids, labels, things = read_ids(pair.labels), labels_of(pair, classes), classes.things or ()
    out = np.full(ids.shape, VOID, np.int32)
    for k, segment in enumerate((segment for segment in segments if not segment.crowd), start=1):
        label = labels[segment.id]
        out[ids == segment.id] = label + INSTANCE * k if things[label] else label
    return out
