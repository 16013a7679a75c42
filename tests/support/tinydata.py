"""A tiny dataset in every layout: two squares that cross a textured picture of 96 x 64, with all of their truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vistream.media.formats import rle
from vistream.media.formats.davis import write_labels
from vistream.media.formats.seqinfo import SeqInfo, write_seqinfo

SIZE = (96, 64)
SIDE = 24
COLOURS = ((230, 40, 30), (20, 60, 240))


def squares(frame: int) -> dict[int, tuple[int, int]]:
    """The top-left corners of the squares, by number."""
    return {1: (4 + 2 * frame, 4), 2: (60 - 2 * frame, 36)}


def labels_of(frame: int) -> NDArray[np.uint8]:
    labels = np.zeros(SIZE[::-1], np.uint8)
    for number, (x, y) in squares(frame).items():
        labels[y : y + SIDE, x : x + SIDE] = number
    return labels


def pictures(folder: Path, count: int, first: int, digits: int = 6) -> None:
    """`count` pictures, the first of which is numbered `first`."""
    folder.mkdir(parents=True)
    ground = np.random.default_rng(0).integers(90, 150, (*SIZE[::-1], 3), np.uint8)
    for frame in range(count):
        image, labels = ground.copy(), labels_of(frame)
        for number, colour in enumerate(COLOURS, start=1):
            image[labels == number] = colour
        Image.fromarray(image).save(folder / f"{frame + first:0{digits}d}.jpg", quality=95)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def mot(root: Path, name: str, count: int) -> None:
    """MOT16 and later: nine columns, a distractor among them; public detections a pixel off."""
    folder = root / "train" / name
    pictures(folder / "img1", count, 1)
    write_seqinfo(folder / "seqinfo.ini", SeqInfo(name, "img1", 25.0, count, *SIZE, ".jpg"))
    truth, seen = [], []
    for frame in range(count):
        for number, (x, y) in squares(frame).items():
            truth.append(f"{frame + 1},{number},{x + 1},{y + 1},{SIDE},{SIDE},1,1,1.0\n")
            seen.append(f"{frame + 1},-1,{x + 2},{y + 1},{SIDE},{SIDE},0.9,-1,-1,-1\n")
        truth.append(f"{frame + 1},9,1,1,{SIDE},{SIDE},1,8,1.0\n")
    write(folder / "gt" / "gt.txt", "".join(truth))
    write(folder / "det" / "det.txt", "".join(seen))


def kitti(root: Path, name: str, count: int) -> None:
    """KITTI tracking: a car, a pedestrian, and a region that is not scored."""
    pictures(root / "training" / "image_02" / name, count, 0)
    lines = []
    for frame in range(count):
        for number, (x, y) in squares(frame).items():
            kind = ("Car", "Pedestrian")[number - 1]
            lines.append(f"{frame} {number} {kind} 0 0 0 {x} {y} {x + SIDE} {y + SIDE} 1 1 1 0 0 0 0\n")
        lines.append(f"{frame} -1 DontCare -1 -1 -10 70 0 95 20 -1 -1 -1 -1000 -1000 -1000 -10\n")
    write(root / "training" / "label_02" / f"{name}.txt", "".join(lines))


def visdrone(root: Path, name: str, count: int) -> None:
    """VisDrone-MOT: a car, a pedestrian, and a region that is not scored."""
    pictures(root / "sequences" / name, count, 1, 7)
    lines = []
    for frame in range(count):
        for number, (x, y) in squares(frame).items():
            lines.append(f"{frame + 1},{number},{x},{y},{SIDE},{SIDE},1,{(4, 1)[number - 1]},0,0\n")
        lines.append(f"{frame + 1},0,70,0,25,20,0,0,0,0\n")
    write(root / "annotations" / f"{name}.txt", "".join(lines))


def mots(root: Path, name: str, count: int) -> None:
    """MOTS20."""
    folder = root / "train" / name
    pictures(folder / "img1", count, 1)
    lines = []
    for frame in range(count):
        for number in (1, 2):
            code = rle.encode(labels_of(frame) == number)["counts"].decode()
            lines.append(f"{frame + 1} {2000 + number} 2 {SIZE[1]} {SIZE[0]} {code}\n")
    write(folder / "gt" / "gt.txt", "".join(lines))


def kitti_mots(root: Path, name: str, count: int, text: bool = False) -> None:
    """KITTI-MOTS, frames from 0: a car, a person, and a region that is not scored."""
    pictures(root / "training" / "image_02" / name, count, 0)
    lines = []
    for frame in range(count):
        labels = labels_of(frame)
        numbers = {1000: labels == 1, 2005: labels == 2, 10000: np.zeros_like(labels, bool)}
        numbers[10000][:4] = labels[:4] == 0
        if text:
            rows = ((n, rle.encode(mask)["counts"].decode()) for n, mask in numbers.items() if mask.any())
            lines += [f"{frame} {n} {n // 1000} {SIZE[1]} {SIZE[0]} {code}\n" for n, code in rows]
            continue
        maps = root / "instances" / name
        maps.mkdir(parents=True, exist_ok=True)
        values = sum(np.uint16(n) * mask.astype(np.uint16) for n, mask in numbers.items())
        Image.fromarray(values).save(maps / f"{frame:06d}.png")
    if text:
        write(root / "instances_txt" / f"{name}.txt", "".join(lines))


def davis(root: Path, name: str, count: int, year: str = "2017") -> None:
    """DAVIS: of 2017 with palette indices, of 2016 with one object, 255."""
    pictures(root / "JPEGImages" / "480p" / name, count, 0, 5)
    maps = root / "Annotations" / "480p" / name
    maps.mkdir(parents=True)
    for frame in range(count):
        labels = labels_of(frame)
        write_labels(maps / f"{frame:05d}.png", np.where(labels == 1, 255, 0) if year == "2016" else labels)
    write(root / "ImageSets" / year / "val.txt", f"{name}\n")


def posetrack(root: Path, name: str, count: int) -> None:
    """PoseTrack18: a joint in each corner of a square, and the head's box."""
    pictures(root / "images" / "val" / name, count, 0)
    joints = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
    images, people = [], []
    for frame in range(count):
        images.append({"id": frame, "file_name": f"images/val/{name}/{frame:06d}.jpg", "is_labeled": True})
        for number, (x, y) in squares(frame).items():
            corners = [(x + dx, y + dy) for dy in (1, SIDE - 1) for dx in (1, SIDE - 1)]
            person = {"image_id": frame, "track_id": number, "bbox_head": [x, y, 8, 8], "id": 2 * frame + number}
            people.append({**person, "keypoints": [v for point in corners for v in (*point, 1)]})
    category = {"id": 1, "name": "person", "keypoints": joints}
    value = {"images": images, "annotations": people, "categories": [category]}
    write(root / "annotations" / "val" / f"{name}.json", json.dumps(value))


def otb(root: Path, name: str, count: int, skipped: int = 0) -> None:
    """OTB: the first square, annotated after so many pictures."""
    pictures(root / name / "img", count, 1, 4)
    corners = [squares(frame)[1] for frame in range(skipped, count)]
    write(root / name / "groundtruth_rect.txt", "".join(f"{x + 1}\t{y + 1}\t{SIDE}\t{SIDE}\n" for x, y in corners))
