"""The sequences of a dataset: where their frames, ground truth and public detections lie, in the standard layouts.

    MOT16, 17, 20   [train/]SEQ/{img1/, gt/gt.txt, det/det.txt, seqinfo.ini}
    MOTS20          [train/]SEQ/{img1/, gt/gt.txt, seqinfo.ini}
    KITTI-MOTS      {instances/SEQ/, instances_txt/SEQ.txt}, {images/SEQ/, [training/]image_02/SEQ/}, also for MOTS20
    DAVIS           JPEGImages/480p/SEQ/, Annotations/480p/SEQ/, ImageSets/{2016,2017,480p}/val.txt
    PoseTrack18, 21 {annotations/val/, posetrack_data/val/}SEQ.json, images/val/SEQ/
    OTB             SEQ/{img/, groundtruth_rect.txt}
    KITTI tracking  training/{image_02/SEQ/, label_02/SEQ.txt}
    VisDrone-MOT    {sequences/SEQ/, annotations/SEQ.txt}
    demo clips      SEQ/{gt/gt.txt, gt/gt_mots.txt, masks/, posetrack.json, det/det.txt}, SEQ.mp4

A video may stand for the folder of images. The root may be the dataset, its split, one sequence, or a folder of
datasets. What the files say is read in `ground_truth`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from vistream.errors import VistreamError
from vistream.evaluate.chosen import placed
from vistream.media.formats.davis import png_files, read_sequences
from vistream.media.formats.instances import first_number
from vistream.media.formats.mots import is_mots
from vistream.media.formats.posetrack import read_poses
from vistream.media.formats.seqinfo import read_seqinfo
from vistream.media.video.frames import Source
from vistream.media.video.source import open_source

log = logging.getLogger("vistream")

OTB_STARTS = {"David": 300, "BlurCar1": 247, "BlurCar3": 3, "BlurCar4": 18}
"""The first annotated image, from 1, of the sequences whose annotation begins later (Wu et al., CVPR 2013)."""

FRAMES = ("img1", "img", "JPEGImages", "image_02", "image_2", "sequences", "instances")
"""Folders of many files, among which no sequence is looked for."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One sequence. `footage`: as `open_source` takes it, from frame `start` on, and only `frames` of it (None: all);
    `fps`: None where not known.

    `ground_truth`: a file, or a folder of maps. `kind`: how it is to be read: mot, mots, masks, poses or otb.
    `starts`: the number of the first frame in MOTS ground truth. `origin`: the user's own file, of a clip whose
    `ground_truth` was cut from it.
    """

    name: str
    footage: str
    ground_truth: Path
    kind: str
    fps: float | None = None
    public: Path | None = None
    start: int = 0
    frames: int | None = None
    starts: int = 1
    origin: Path | None = None

    @property
    def place(self) -> str:
        """Where its frames lie."""
        return self.footage

    def open(self) -> Source:
        """Its frames. Raises VistreamError where they can't be opened."""
        return open_source(self.footage, start=self.start, max_frames=self.frames)


def find_clips(task: str, root: Path, wanted: tuple[str, ...] = ()) -> list[Clip]:
    """The sequences under `root` that have ground truth for `task`, by name; of these the `wanted` (globs; none: all).

    Raises VistreamError where there is none, a sequence has no frames, a wanted one is missing, or two of one
    name lie in different places.
    """
    if not root.is_dir():
        raise VistreamError(f"{root} is not a folder: give that of a dataset")
    found = list(_FINDERS[task](root.resolve()))
    if not found:
        raise VistreamError(f"{root} holds no sequence with ground truth for {task}, in no layout that is known")
    return placed(found, wanted, root, task)


def folders_in(root: Path, depth: int = 3) -> Iterator[Path]:
    """`root` and the folders in it, so many levels down: `datasets/MOT17/train/SEQ` is found from `datasets`."""
    yield root
    if depth:
        for path in sorted(root.iterdir()):
            if path.is_dir() and path.name not in FRAMES:
                yield from folders_in(path, depth - 1)


LABELS_BESIDE = (("label_02", "image_02"), ("annotations", "sequences"))
"""KITTI's and VisDrone's folders of labels, a text a sequence, and of frames, a folder a sequence."""


def _mot(root: Path) -> Iterator[Clip]:
    for folder in folders_in(root):
        for labels, frames in LABELS_BESIDE:
            for gt in sorted((folder / labels).glob("*.txt")):
                if (folder / frames / gt.stem).is_dir() and not is_mots(gt):
                    yield Clip(gt.stem, str((folder / frames / gt.stem).resolve()), gt, "mot")
        gt = folder / "gt" / "gt.txt"
        if gt.is_file() and not is_mots(gt):
            yield _clip(folder, gt, "mot")
        elif (folder / "seqinfo.ini").is_file() and not (folder / "gt").is_dir():
            log.info("%s has no ground truth: it is left out", folder)


MASKS_BESIDE = ("instances/*", "instances_txt/*.txt", "label_02/*.txt")
"""Where KITTI-MOTS has its masks: a folder or a text a sequence; all three may be there, and say the same."""
FRAMES_BESIDE = ("images", "image_02", "training/image_02")


def _mots(root: Path) -> Iterator[Clip]:
    for folder in folders_in(root):
        for gt in (path for pattern in MASKS_BESIDE for path in sorted(folder.glob(pattern))):
            frames = next((folder / f / gt.stem for f in FRAMES_BESIDE if (folder / f / gt.stem).is_dir()), None)
            if frames is not None and (png_files(gt) or (gt.is_file() and is_mots(gt))):
                counts_from_0 = any(frames.glob("000000.*"))
                starts = first_number(gt, 0 if counts_from_0 else 1)
                yield Clip(gt.stem, str(frames.resolve()), gt, "mots", starts=starts)
        for gt in (folder / "gt" / "gt_mots.txt", folder / "gt" / "gt.txt"):
            if gt.is_file() and is_mots(gt):
                yield _clip(folder, gt, "mots")
                break


def _vos(root: Path) -> Iterator[Clip]:
    for folder in folders_in(root):
        for sequence in read_sequences(folder, "val", year) if (year := _year(folder)) else ():
            if sequence.images and sequence.annotations:
                gt = sequence.annotations[0].parent
                yield Clip(sequence.name, str(sequence.images[0].parent), gt, "masks")
        if folder.name != "masks" and png_files(folder / "masks"):
            yield _clip(folder, folder / "masks", "masks")


def _year(folder: Path) -> str:
    """The last one of which a DAVIS folder has a list; else 480p, which stands in its place in 2016's own archive."""
    years = sorted(path.parent.name for path in folder.glob("ImageSets/20*/val.txt"))
    return years[-1] if years else "480p" if (folder / "ImageSets" / "480p" / "val.txt").is_file() else ""


def _pose(root: Path) -> Iterator[Clip]:
    for folder in folders_in(root):
        for name in ("gt.json", "posetrack.json"):
            if (folder / name).is_file():
                yield _of_poses(folder.name, folder / name, folder)
        for pattern in ("annotations/*.json", "annotations/val/*.json", "posetrack_data/val/*.json"):
            for gt in sorted(folder.glob(pattern)):
                yield _of_poses(gt.stem, gt, folder)


def _of_poses(name: str, gt: Path, folder: Path) -> Clip:
    """The images lie where the file says, from `folder` on; or there is a video."""
    images = read_poses(gt).images
    first = folder / images[0].file if images else folder
    if first.is_file():
        return Clip(name, str(first.parent), gt, "poses")
    return replace(_clip(folder, gt, "poses"), name=name)


def _sot(root: Path) -> Iterator[Clip]:
    for folder in folders_in(root):
        for gt in sorted(folder.glob("groundtruth_rect*.txt")):
            suffix = gt.stem.removeprefix("groundtruth_rect")
            clip = _clip(folder, gt, "otb")
            yield replace(clip, name=clip.name + suffix, start=OTB_STARTS.get(clip.name, 1) - 1)
    yield from _mot(root)
    yield from _vos(root)


def _clip(folder: Path, gt: Path, kind: str) -> Clip:
    """A sequence that has a folder of its own."""
    info = read_seqinfo(folder / "seqinfo.ini") if (folder / "seqinfo.ini").is_file() else None
    videos, lists = sorted(folder.glob("*.mp4")), sorted((folder / "det").glob("*.txt"))
    named = [folder / info.image_folder] if info else []
    places = [*named, folder / "img1", folder / "img", *videos[:1], folder.parent / f"{folder.name}.mp4"]
    footage = next((place for place in places if place.exists()), None)
    if footage is None:
        raise VistreamError(f"{folder} has ground truth but no frames: img1/, img/ or a video is looked for")
    public = next((path for path in lists if path.name == "det.txt"), lists[0] if len(lists) == 1 else None)
    return Clip(folder.name, str(footage.resolve()), gt, kind, info.frame_rate if info else None, public)


_FINDERS: dict[str, Callable[[Path], Iterator[Clip]]] = {
    "mot": _mot,
    "mots": _mots,
    "vos": _vos,
    "pose": _pose,
    "sot": _sot,
}
