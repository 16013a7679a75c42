"""Pictures and the labels that belong to them: label maps of classes, or COCO panoptic segments."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.media.formats.panoptic import FileSegment, read_ids, read_panoptic
from vistream.models.classes import VOID, ClassSet, class_set
from vistream.models.spike2former.segments import INSTANCE
from vistream.train.config import DataConfig, FolderConfig
from vistream.types import Frame

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
        names = listing.read_text(encoding="utf-8").split()
    else:
        found = sorted(images.rglob(f"*{folder.images_end}"))
        names = [str(path.relative_to(images)).removesuffix(folder.images_end) for path in found]
    return [Pair(images / f"{name}{folder.images_end}", labels / f"{name}{folder.labels_end}") for name in names]


def _panoptic(root: Path, folder: FolderConfig) -> list[Pair]:
    assert folder.segments is not None
    found = read_panoptic(root / folder.segments).images.values()
    return [
        Pair(root / folder.images / f"{image.key}{folder.images_end}", image.map, image.segments) for image in found
    ]


def read_image(pair: Pair) -> Frame:
    """The picture, uint8 RGB `[H, W, 3]`."""
    read = cv2.imread(str(pair.image), cv2.IMREAD_COLOR)
    if read is None:
        raise VistreamError(f"{pair.image}: can't be read as a picture")
    return np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), np.uint8)


def read_pair(pair: Pair, config: DataConfig) -> tuple[Frame, Labels]:
    """The picture and its labels `[H, W]`, void where they are none of the classes."""
    image, classes = read_image(pair), class_set(config.labels)
    labels = _indices(pair.labels) if pair.segments is None else _things(pair, pair.segments, classes)
    if labels.shape != image.shape[:2]:
        raise VistreamError(f"{pair.labels}: is of another size than {pair.image.name}")
    if pair.segments is None:
        if config.reduce_zero_label:
            labels = labels - 1  # 0 becomes 255, void
        labels[labels >= len(classes)] = VOID
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


def _indices(path: Path) -> NDArray[np.uint8]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            labels = np.array(picture)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise VistreamError(f"{path}: can't be read as a label map ({error})") from None
    if labels.ndim != 2 or labels.dtype != np.uint8:
        raise VistreamError(f"{path}: is no map of 8-bit labels, one a pixel")
    return labels
