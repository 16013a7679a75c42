"""Readers of tracks, detections, masks and poses as text, with small valid files to start from."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fuzzing.reader import Reader
from vistream.types import Result, Segment, Track


def _results(most: int) -> list[Result]:
    mask = np.zeros((6, 8), np.bool_)
    mask[1:4, 2:6] = True
    joints = np.column_stack([np.arange(17.0), np.arange(17.0) + 2, np.full(17, 0.5)])
    tracks = (
        Track(1, (2.0, 1.0, 4.0, 3.0), 0.9, "person", mask, joints),
        Track(2, (0, 0, 2, 2), 0.5, "car", ~mask, joints),
    )
    return [Result(frame, frame / 25, tracks[: frame % (most + 1)], 2) for frame in range(4)]


def _written(
    make: Callable[[Path], contextlib.AbstractContextManager[object]], path: Path, most: int = 2
) -> list[Path]:
    with make(path) as writer:
        for result in _results(most):
            writer.write(result)  # type: ignore[attr-defined]  # every writer of results has it
    return [path]


def _mot_seeds(folder: Path) -> list[Path]:
    from vistream.media.formats.mot import MotWriter

    (folder / "det.txt").write_text("1,-1,10,10,20,30,0.9\n2,-1,11,10.5,20,30,0.8\n", encoding="utf-8", newline="\n")
    (folder / "gt.txt").write_text("1,1,10,10,20,30,1,1,0.9\n2,1,12,10,20,30,0,7,1\n", encoding="utf-8", newline="\n")
    return [*_written(MotWriter, folder / "mot.txt"), folder / "det.txt", folder / "gt.txt"]


def _mot(path: Path) -> object:
    from vistream.detect.from_file import FileDetector
    from vistream.errors import VistreamError
    from vistream.media.formats.detections.footage import Footage
    from vistream.media.formats.mot import read_tracks

    with contextlib.suppress(VistreamError):
        read_tracks(path)
    detector = FileDetector(path, Footage(2))
    return [detector.detect(np.zeros((4, 4, 3), np.uint8), index) for index in range(3)]


def _mots_seeds(folder: Path) -> list[Path]:
    from vistream.media.formats.mots import MotsWriter

    return _written(MotsWriter, folder / "mots.txt")


def _mots(path: Path) -> object:
    from vistream.media.formats.mots import read_mots_detections

    found = read_mots_detections(path)
    return [found[frame] for frame in found]


def _coco_seeds(folder: Path) -> list[Path]:
    from vistream.media.formats.coco import CocoWriter

    annotation = {
        "image_id": 5,
        "category_id": 1,
        "bbox": [1, 1, 3, 3],
        "segmentation": [[1, 1, 4, 1, 4, 4]],
        "score": 1,
    }
    plain = {**annotation, "segmentation": {"size": [6, 8], "counts": [9, 3, 36]}, "keypoints": [1, 2, 0.5]}
    image = {"id": 5, "height": 6, "width": 8, "file_name": "a.png"}
    whole = {"images": [image], "annotations": [annotation, plain], "categories": [{"id": 1, "name": "person"}]}
    (folder / "whole.json").write_text(json.dumps(whole), encoding="utf-8", newline="\n")
    return [*_written(CocoWriter, folder / "coco.json"), folder / "whole.json"]


def _coco(path: Path) -> object:
    from vistream.media.formats.coco import read_coco

    found = read_coco(path)
    return [found[frame] for frame in found]


def _pose_seeds(folder: Path) -> list[Path]:
    from vistream.media.formats.posetrack import PoseTrackWriter

    point = {"id": [0], "x": [3.5], "y": [4], "score": [0.5]}
    rect = {"track_id": [1], "x1": [1], "y1": [1], "x2": [5], "y2": [5], "annopoints": [{"point": [point]}]}
    image = {"image": [{"name": "a.jpg"}], "is_labeled": [1], "annorect": [rect], "ignore_regions": []}
    (folder / "old.json").write_text(json.dumps({"annolist": [image]}), encoding="utf-8", newline="\n")
    return [*_written(PoseTrackWriter, folder / "pose.json", 1), folder / "old.json"]


def _pose(path: Path) -> object:
    from vistream.media.formats.posetrack import read_poses

    return read_poses(path).observations()


def _otb_seeds(folder: Path) -> list[Path]:
    (folder / "a.txt").write_text("1,2,30,40\n2\t3 4,5\nNaN,NaN,NaN,NaN\n", encoding="utf-8", newline="\n")
    return [folder / "a.txt"]


def _otb(path: Path) -> object:
    from vistream.media.formats.otb import read_otb

    return read_otb(path)


def _seqinfo_seeds(folder: Path) -> list[Path]:
    from vistream.media.formats.seqinfo import SeqInfo, write_seqinfo

    write_seqinfo(folder / "seqinfo.ini", SeqInfo("a", "img1", 25.0, 4, 8, 6, ".jpg"))
    return [folder / "seqinfo.ini"]


def _seqinfo(path: Path) -> object:
    from vistream.media.formats.seqinfo import read_seqinfo

    return read_seqinfo(path)


def _panoptic_seeds(folder: Path) -> list[Path]:
    segment = {"id": 7, "category_id": 1, "area": 4, "bbox": [0, 0, 2, 2], "iscrowd": 0}
    image = {"image_id": 1, "file_name": "a.png", "segments_info": [segment]}
    whole = {"annotations": [image], "categories": [{"id": 1, "name": "person", "isthing": 1}]}
    (folder / "a.json").write_text(json.dumps(whole), encoding="utf-8", newline="\n")
    return [folder / "a.json"]


def _panoptic(path: Path) -> object:
    from vistream.media.formats.panoptic import read_panoptic

    return read_panoptic(path)


def _jsonl_seeds(folder: Path) -> list[Path]:
    from vistream.media.formats.jsonl import JsonlWriter

    segment = Segment(1, "person", True, 0.9, 12, (1.0, 2.0, 4.0, 3.0))
    with JsonlWriter(folder / "classes.jsonl") as writer:
        writer.write(Result(0, 0.0, (), 0, shares={"person": 0.25, "road": 0.5}, segments=(segment,)))
    return [*_written(JsonlWriter, folder / "a.jsonl"), folder / "classes.jsonl"]


def _jsonl(path: Path) -> object:
    from vistream.media.formats.jsonl import read_results

    return list(read_results(path))


TEXTS: dict[str, Reader] = {
    "mot": Reader(_mot_seeds, _mot),
    "mots": Reader(_mots_seeds, _mots),
    "coco": Reader(_coco_seeds, _coco),
    "posetrack": Reader(_pose_seeds, _pose),
    "otb": Reader(_otb_seeds, _otb),
    "seqinfo": Reader(_seqinfo_seeds, _seqinfo),
    "panoptic": Reader(_panoptic_seeds, _panoptic),
    "jsonl": Reader(_jsonl_seeds, _jsonl),
}
