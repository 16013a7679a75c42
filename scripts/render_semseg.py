"""Render labelled plaza scenes to train and to validate on: `python scripts/render_semseg.py [OUTPUT] [--train N] ...`.

Each scene is a place of its own (houses, things, light, ground), with its own camera and people; a few frames are taken
of each. Written are `train/images/NNNNN-FFF.jpg` and `train/labels/NNNNN-FFF.png` (classes of `plaza`), and the same
under `validation`, whose scenes have numbers that training never uses. The same files come out on every run.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from demo.film import Film
from demo.gait import FPS
from demo.labels import save_labels
from demo.variety import FRAMES, scene
from PIL import Image

log = logging.getLogger("render_semseg")
VALIDATION = 1_000_000  # numbers of scenes from here on are for validation
QUALITY = 88
NEAREST = 2.5  # metres; a frame in which somebody walks into the camera is left out


def render(seed: int, folder: Path, size: tuple[int, int], takes: int) -> None:
    """Scene `seed`: `takes` of its frames, far apart in time."""
    cv2.setNumThreads(1)
    clip, place = scene(seed, size)
    film = Film(clip, place)
    first = int(np.random.default_rng([seed, 8]).integers(FRAMES // takes))
    for frame in range(first, FRAMES, FRAMES // takes):
        if any(walker.path.at(walker.path.travelled(frame / FPS))[1] < NEAREST for walker in clip.walkers):
            continue
        take = film.shoot(frame)
        name = f"{seed % VALIDATION:05d}-{frame:03d}"
        Image.fromarray(take.image).save(folder / "images" / f"{name}.jpg", quality=QUALITY)
        save_labels(folder / "labels" / f"{name}.png", take.labels)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Render labelled plaza scenes to train and to validate on.")
    parser.add_argument("output", nargs="?", type=Path, default=Path("runs/plaza"), help="folder to write into")
    parser.add_argument("--train", type=int, default=336, help="scenes to train on")
    parser.add_argument("--validation", type=int, default=40, help="scenes to validate on")
    parser.add_argument("--takes", type=int, default=3, help="frames of each scene")
    parser.add_argument("--size", type=int, nargs=2, default=(320, 192), help="width and height, both even")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    options = parser.parse_args(arguments)
    if min(options.train, options.validation, options.takes, options.workers) < 1 or options.takes > FRAMES:
        parser.error("--train, --validation, --takes and --workers must be at least 1")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    size = (options.size[0], options.size[1])
    for part, first, count in (("train", 0, options.train), ("validation", VALIDATION, options.validation)):
        folder = options.output / part
        for name in ("images", "labels"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        with ProcessPoolExecutor(options.workers) as pool:
            jobs = [pool.submit(render, seed, folder, size, options.takes) for seed in range(first, first + count)]
            for number, job in enumerate(jobs, 1):
                job.result()
                if number % 20 == 0 or number == count:
                    log.info("%s: %d of %d scenes", part, number, count)


if __name__ == "__main__":
    main()
