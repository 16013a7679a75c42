"""A small folder to train on: pictures of coloured blocks, which a network can learn in a moment."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from vistream.media.formats.panoptic import write_ids
from vistream.models.classes import class_set
from vistream.models.spike2former import load
from vistream.models.spike2former.segments import INSTANCE
from vistream.train.config import FolderConfig, TrainConfig, read_config

COLOURS = np.array([[90, 150, 230], [150, 80, 50], [140, 140, 135], [60, 140, 50]], np.uint8)
SIZE = (48, 64)


def same_weights(a: Path, b: Path) -> bool:
    """Whether two files hold the same network, bit for bit."""
    first, second = load(a).state_dict(), load(b).state_dict()
    return all(torch.equal(value, second[key]) for key, value in first.items())


def write_blocks(root: Path, count: int = 4, seed: int = 0) -> None:
    """`train` and `validation`, `count` pictures each: sky, a house, pavement and a bush, somewhere."""
    for number, part in enumerate(("train", "validation")):
        for name in ("images", "labels"):
            (root / part / name).mkdir(parents=True)
        for index in range(count):
            rng = np.random.default_rng([seed, number, index])
            labels = np.zeros(SIZE, np.uint8)
            labels[int(rng.integers(24, 36)) :] = 2
            left, top = int(rng.integers(4, 24)), int(rng.integers(6, 16))
            labels[top:32, left : left + 24] = 1
            labels[30:40, int(rng.integers(30, 50)) :][:, :12] = 3
            picture = COLOURS[labels] + rng.integers(-12, 13, (*SIZE, 1))
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(root / part / "images" / f"{index}.jpg")
            Image.fromarray(labels).save(root / part / "labels" / f"{index}.png")


def class_of(name: str) -> int:
    """Of COCO's panoptic classes."""
    return class_set("coco-panoptic").names.index(name)


CARS = [class_of("car") + INSTANCE * k for k in (3, 4)]
"""What the pixels of the two cars are, in training."""


def write_things(root: Path, count: int = 4) -> None:
    """The same as COCO panoptic: sky, a road, two cars, and a crowd of them in a corner."""
    numbers = dict(zip(class_set("coco-panoptic").names, class_set("coco-panoptic").numbers, strict=True))
    named = ("sky-other-merged", "road", "car", "car", "car")
    segments = [
        {"id": n, "category_id": numbers[name], "iscrowd": int(n == 5)} for n, name in enumerate(named, start=1)
    ]
    for number, part in enumerate(("train", "validation")):
        for folder in (root / part / "images", root / part / "segments"):
            folder.mkdir(parents=True)
        annotations = []
        for index in range(count):
            rng = np.random.default_rng([number, index])
            ids = np.ones(SIZE, np.int32)
            ids[int(rng.integers(24, 32)) :] = 2
            for car, left in ((3, 4), (4, 36)):
                left, top = left + int(rng.integers(6)), int(rng.integers(20, 28))
                ids[top : top + 16, left : left + 18] = car
            ids[44:, 58:], ids[0] = 5, 0
            picture = np.array([[0, 0, 0], *COLOURS[[0, 2]], [200, 40, 40], [230, 200, 40], [200, 40, 40]])[ids]
            picture = picture + rng.integers(-12, 13, (*SIZE, 1))
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(root / part / "images" / f"{index}.jpg")
            write_ids(root / part / "segments" / f"{index}.png", ids)
            annotations.append({"image_id": index, "file_name": f"{index}.png", "segments_info": segments})
        text = json.dumps({"annotations": annotations})
        (root / part / "segments.json").write_text(text, encoding="utf-8", newline="")


def panoptic_config(iterations: int, batch: int = 2) -> TrainConfig:
    """`coco-panoptic`, with as little as there can be of everything."""
    quick, coco = quick_config(iterations, batch), read_config("coco-panoptic")
    train, validation = (
        FolderConfig(f"{part}/images", segments=f"{part}/segments.json") for part in ("train", "validation")
    )
    return replace(
        quick,
        network=replace(quick.network, head="panoptic"),
        data=replace(coco.data, train=train, validation=validation, fit=(64, 48, 16)),
        loss=replace(coco.loss, points=256),
    )


def quick_config(iterations: int, batch: int = 2) -> TrainConfig:
    """`tiny` on small pictures, with as little as there can be of everything."""
    tiny = read_config("tiny")
    small = replace(
        tiny.network, widths=(8, 8, 16, 16, 24), blocks=(1, 1), embed=32, groups=4, encoder_layers=1, encoder_hidden=32,
        decoder_layers=2, decoder_hidden=64, queries=8,
    )  # fmt: skip
    return replace(
        tiny,
        network=small,
        data=replace(tiny.data, fit=(64, 48, 1)),
        augment=replace(tiny.augment, base=48, scale=(1.0, 1.0), crops=(SIZE,), most=1.0),
        schedule=replace(
            tiny.schedule, iterations=iterations, warmup=2, batch=batch, workers=0, validate_every=1000, save_every=1000
        ),
    )
