"""Datasets with a class for every pixel: where their pictures and label maps lie, in the standard layouts.

    ADE20K             images/validation/, annotations/validation/
    Cityscapes         leftImg8bit/val/CITY/, gtFine/val/CITY/ (labelTrainIds, else labelIds)
    PASCAL VOC 2012    JPEGImages/, SegmentationClass/, ImageSets/Segmentation/val.txt
    PASCAL Context     JPEGImages/, SegmentationClassContext/, ImageSets/SegmentationContext/val.txt
    COCO-Stuff         images/val2017/, annotations/val2017/ (164k); images/test2014/, annotations/test2014/ (10k)
    COCO panoptic      val2017/, annotations/panoptic_val2017.json, annotations/panoptic_val2017/
    CamVid             test/, testannot/
    clips              SEQ/{images/, labels/}; of the demo: SEQ.mp4, SEQ/semantic/

The root may be the dataset, or a folder of datasets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path

from vistream.errors import VistreamError
from vistream.evaluate.chosen import placed
from vistream.evaluate.datasets.benchmarks import benchmark, key_of, label_maps
from vistream.evaluate.datasets.clips import folders_in
from vistream.media.formats.davis import png_files
from vistream.media.formats.panoptic import read_panoptic
from vistream.media.formats.text import read_lines
from vistream.media.video.images import IMAGE_SUFFIXES, read_image
from vistream.media.video.source import open_source
from vistream.types import Frame


@dataclass(frozen=True, slots=True)
class Footage:
    """Pictures that belong together, and what is known of them.

    `pictures`: image files by key, or None where `video` has the frames, whose keys are five digits. `ground_truth`:
    label maps by key, of some frames at least; of a panoptic dataset none, but `panoptic` is its JSON file.
    `consecutive`: the pictures are those of a video. `dataset`: whose rules hold, or "" where that must be said.
    """

    name: str
    dataset: str
    pictures: dict[str, Path] | None = None
    video: Path | None = None
    ground_truth: dict[str, Path] = field(default_factory=dict)
    panoptic: Path | None = None
    consecutive: bool = False
    most: int | None = None

    @property
    def place(self) -> str:
        """Where its pictures lie."""
        return str(self.video if self.pictures is None else next(iter(self.pictures.values())).parent)

    def __len__(self) -> int:
        if self.pictures is not None:
            return len(self.pictures)
        with open_source(str(self.video), max_frames=self.most) as source:
            return source.frame_count or 0

    def frames(self) -> Iterator[tuple[str, Frame]]:
        """Key and picture, uint8 `[H, W, 3]`, RGB, one after another; sizes may differ."""
        if self.pictures is not None:
            for key, path in self.pictures.items():
                yield key, read_image(path)
            return
        with open_source(str(self.video), max_frames=self.most) as source:
            for frame in source:
                yield f"{frame.index:05d}", frame.image

    def first(self, most: int | None) -> Footage:
        """The first pictures only."""
        if most is None:
            return self
        keys = list(islice(self.pictures, most)) if self.pictures is not None else [f"{n:05d}" for n in range(most)]
        pictures = None if self.pictures is None else {key: self.pictures[key] for key in keys}
        ground_truth = {key: self.ground_truth[key] for key in keys if key in self.ground_truth}
        return replace(self, pictures=pictures, ground_truth=ground_truth, most=most)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Folders of pictures and of label maps (`*`: of each of them one), and a list of the pictures that count."""

    dataset: str
    pictures: str
    labels: str
    listing: str = ""
    consecutive: bool = False


_LAYOUTS = (
    _Layout("ade20k", "images/validation", "annotations/validation"),
    _Layout("cityscapes", "leftImg8bit/val/*", "gtFine/val/*"),
    _Layout("voc2012", "JPEGImages", "SegmentationClass", "ImageSets/Segmentation/val.txt"),
    _Layout("pascal-context-59", "JPEGImages", "SegmentationClassContext", "ImageSets/SegmentationContext/val.txt"),
    _Layout("coco-stuff-164k", "images/val2017", "annotations/val2017"),
    _Layout("coco-stuff-10k", "images/test2014", "annotations/test2014"),
    _Layout("camvid", "test", "testannot"),
    _Layout("", "images", "labels", consecutive=True),
)


def find_footage(task: str, root: Path, wanted: tuple[str, ...] = (), dataset: str = "") -> list[Footage]:
    """What lies under `root` with ground truth for `task`, semseg or panoptic; of it the `wanted` (globs; none: all).

    `dataset`: whose rules hold, instead of those of the layout. Raises VistreamError where there is none, pictures are
    missing, a glob fits none, or it can't be told whose rules hold.
    """
    if not root.is_dir():
        raise VistreamError(f"{root} is not a folder: give that of a dataset")
    if dataset:
        benchmark(dataset)
    find = _panoptic if task == "panoptic" else _semantic
    found = list(chain.from_iterable(map(find, folders_in(root.resolve()))))
    if not found:
        raise VistreamError(f"{root} holds no pictures with ground truth for {task}, in no layout that is known")
    footages = [replace(one, dataset=dataset or one.dataset) for one in placed(found, wanted, root, task)]
    for footage in footages:
        if task == "semseg" and not footage.dataset:
            raise VistreamError(f"{footage.name}: nothing tells whose classes its labels are: say it with --dataset")
    return footages


def _semantic(folder: Path) -> Iterator[Footage]:
    for layout in _LAYOUTS:
        if layout.listing and not (folder / layout.listing).is_file():
            continue
        for labels in sorted(folder.glob(layout.labels)):
            part = labels.name if layout.labels.endswith("*") else ""
            pictures = folder / layout.pictures.replace("*", part)
            if labels.is_dir() and pictures.is_dir():
                yield from _pictures(folder, layout, pictures, labels, part or folder.name)
    if png_files(folder / "semantic"):
        video = folder.parent / f"{folder.name}.mp4"
        if not video.is_file():
            raise VistreamError(f"{folder} has label maps but no frames: {video} is looked for")
        yield Footage(folder.name, "plaza", video=video, ground_truth=label_maps(folder / "semantic"), consecutive=True)


def _pictures(folder: Path, layout: _Layout, pictures: Path, labels: Path, name: str) -> Iterator[Footage]:
    maps = label_maps(labels)
    if layout.listing:
        listed = [line for _, line in read_lines(folder / layout.listing)]
        lost = [key for key in listed if key not in maps]
        if lost:
            raise VistreamError(f"{folder / layout.listing} names {lost[0]}, of which {labels} has no label map")
        maps = {key: maps[key] for key in listed}
    if not maps:
        return
    dataset = layout.dataset or ("camvid" if "camvid" in folder.name.lower() else "")
    found = _by_key(pictures)
    lost = [key for key in maps if key not in found]
    if lost:
        raise VistreamError(f"{maps[lost[0]]} has no picture in {pictures}")
    yield Footage(name, dataset, {key: found[key] for key in maps}, ground_truth=maps, consecutive=layout.consecutive)


def _panoptic(folder: Path) -> Iterator[Footage]:
    files = sorted(folder.glob("annotations/panoptic_*.json"))
    held = [file for file in files if not file.stem.startswith("panoptic_train")]
    for ground_truth in held or files:  # what was trained on is scored where there is nothing else
        pictures = folder / ground_truth.stem.removeprefix("panoptic_")
        if not pictures.is_dir():
            continue
        found, keys = _by_key(pictures), list(read_panoptic(ground_truth).images)
        lost = [key for key in keys if key not in found]
        if lost:
            raise VistreamError(f"{ground_truth} annotates {lost[0]}, of which {pictures} has no picture")
        yield Footage(ground_truth.stem, "coco-panoptic", {key: found[key] for key in keys}, panoptic=ground_truth)


def _by_key(folder: Path) -> dict[str, Path]:
    return {key_of(path): path for path in sorted(folder.iterdir()) if path.suffix.lower() in IMAGE_SUFFIXES}
