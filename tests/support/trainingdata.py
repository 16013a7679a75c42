"""A small folder to train on: pictures of coloured blocks, which a network can learn in a moment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from vistream.train.config import TrainConfig, read_config

COLOURS = np.array([[90, 150, 230], [150, 80, 50], [140, 140, 135], [60, 140, 50]], np.uint8)
SIZE = (48, 64)


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
