"""A tiny dataset in every layout of semantic and panoptic segmentation: pictures in the colours of their classes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from segmenters import painted

from vistream.evaluate.datasets.benchmarks import CITYSCAPES_IDS
from vistream.media.formats.panoptic import write_ids
from vistream.models.classes import VOID, class_set

SIZE = (80, 60)
USED = range(2, 7)
"""The labels that occur; in COCO-Stuff 1 has the colour of 0."""

Labels = NDArray[np.uint8]


def labels_of(number: int) -> Labels:
    """The classes of picture `number`: squares of 10 pixels."""
    cells = np.random.default_rng(number).integers(USED.start, USED.stop, (SIZE[1] // 10, SIZE[0] // 10), np.uint8)
    return np.asarray(cells.repeat(10, axis=0).repeat(10, axis=1), np.uint8)


def truth_of(number: int) -> Labels:
    """The same, but the first row of pixels is not scored."""
    labels = labels_of(number)
    labels[0] = VOID
    return labels


def picture(path: Path, number: int, classes: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(painted(labels_of(number), classes))
    if path.suffix == ".jpg":
        image.save(path, quality=100, subsampling=0)
    else:
        image.save(path)


def label_file(path: Path, numbers: NDArray[np.integer]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(numbers, np.uint8)).save(path)


def reduced(labels: Labels) -> Labels:
    """As files that keep 0 for no class."""
    return np.where(labels == VOID, 0, labels + 1).astype(np.uint8)


def plain(root: Path, classes: str, pictures: str, labels: str, *, zero: bool = False, ending: str = "") -> None:
    """Two pictures and their label maps, in two folders."""
    for number in (1, 2):
        picture(root / pictures / f"im_{number}.jpg", number, classes)
        truth = truth_of(number)
        label_file(root / labels / f"im_{number}{ending}.png", reduced(truth) if zero else truth)


def ade20k(root: Path) -> None:
    plain(root, "ade20k", "images/validation", "annotations/validation", zero=True)


def coco_stuff_10k(root: Path) -> None:
    plain(root, "coco-stuff", "images/test2014", "annotations/test2014", zero=True, ending="_labelTrainIds")


def coco_stuff_164k(root: Path) -> None:
    plain(root, "coco-stuff", "images/val2017", "annotations/val2017", ending="_labelTrainIds")


def voc(root: Path, *, context: bool = False) -> None:
    """With a third picture that the list does not name, and whose labels are another's."""
    classes = "pascal-context-59" if context else "voc2012"
    labels, lists = (
        ("SegmentationClassContext", "SegmentationContext") if context else ("SegmentationClass", "Segmentation")
    )
    plain(root, classes, "JPEGImages", labels, zero=context)
    picture(root / "JPEGImages" / "im_3.jpg", 3, classes)
    label_file(root / labels / "im_3.png", reduced(truth_of(4)))
    (root / "ImageSets" / lists).mkdir(parents=True)
    (root / "ImageSets" / lists / "val.txt").write_text("im_1\nim_2\n")


def cityscapes(root: Path, *, own_ids: bool = False) -> None:
    """Two towns; files of other kinds lie beside the label maps. `own_ids`: those with training numbers don't."""
    for town, number in (("bonn", 1), ("ulm", 2)):
        name, truth = f"{town}_00_{number}", truth_of(number)
        picture(root / "leftImg8bit" / "val" / town / f"{name}_leftImg8bit.png", number, "cityscapes")
        folder = root / "gtFine" / "val" / town
        own = np.where(truth == VOID, 0, np.array([*CITYSCAPES_IDS, *[0] * 237])[truth])
        label_file(folder / f"{name}_gtFine_labelIds.png", own)
        label_file(folder / f"{name}_gtFine_instanceIds.png", np.zeros_like(truth))
        if not own_ids:
            label_file(folder / f"{name}_gtFine_labelTrainIds.png", truth)


def camvid(root: Path) -> None:
    """As SegNet has it: pictures apart, 11 for void."""
    for number in (1, 2):
        picture(root / "test" / f"Seq_{number}.png", number, "camvid")
        truth = truth_of(number)
        label_file(root / "testannot" / f"Seq_{number}.png", np.where(truth == VOID, 11, truth))


def clip(root: Path, name: str = "camvid_01") -> None:
    """A video of CamVid, which stands still but for its last frame."""
    for index, number in enumerate((1, 1, 2)):
        picture(root / name / "images" / f"{index:05d}.png", number, "camvid")
        label_file(root / name / "labels" / f"{index:05d}.png", truth_of(number))


def coco_panoptic(root: Path, part: str = "val2017") -> None:
    """A segment a class; the first row of pixels belongs to none."""
    coco = class_set("coco-panoptic")
    folder, annotations = root / "annotations" / f"panoptic_{part}", []
    folder.mkdir(parents=True)
    for number in (1, 2):
        picture(root / part / f"{number:012d}.jpg", number, "coco-panoptic")
        truth = truth_of(number)
        write_ids(folder / f"{number:012d}.png", np.where(truth == VOID, 0, truth.astype(np.int32) + 700))
        used = [label for label in np.unique(truth).tolist() if label != VOID]
        segments = [{"id": label + 700, "category_id": coco.numbers[label], "iscrowd": 0} for label in used]
        annotations.append({"image_id": number, "file_name": f"{number:012d}.png", "segments_info": segments})
    rows = zip(coco.numbers, coco.names, coco.things or (), strict=True)
    categories = [{"id": number, "name": name, "isthing": int(thing)} for number, name, thing in rows]
    value = {"annotations": annotations, "categories": categories}
    (root / "annotations" / f"panoptic_{part}.json").write_text(json.dumps(value))
