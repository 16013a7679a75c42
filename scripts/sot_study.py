"""Holds single object tracking against its alternatives and OpenCV's trackers: the tables that stand in docs/tasks.md.

    python scripts/sot_study.py ../shared/data --cache FOLDER

Every object of the clips is followed from its first true box, by itself; features are those of `exact`. They are kept
in `--cache`, with the frames and the results, so that nothing is done twice. OpenCV's CSRT, KCF and MIL come from PyPI
(opencv-contrib-python-headless, in an environment of their own in `--cache`) and run with their own defaults.
`--only NAME ...` runs some rows. `--backwards` plays every clip from its end, which is as good a clip; `--shifted SEED`
moves and resizes every first box a little, at random, as a hand would: what is better there too is more than luck.
Milliseconds are CPU time of one thread, of an object and frame, the network left out.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.detect.camera_motion import CameraMotion
from vistream.engine.stream.engine import Stream
from vistream.evaluate.datasets.clips import Clip, find_clips
from vistream.evaluate.datasets.ground_truth import object_boxes
from vistream.evaluate.metrics.sot import sot_scores
from vistream.media.video.fit import fit
from vistream.models.model import Cut
from vistream.pipeline.tasks import SHORTEST
from vistream.quantize.named import named_network
from vistream.tracking.sot import SotTracker
from vistream.tracking.sot_config import SotConfig
from vistream.types import FeatureMap, Observations

Boxes = NDArray[np.float64]
CLIPS = (
    *("PETS09-S2L1", "TUD-Stadtmitte", "schoolgirls"),
    *("blackswan", "drift-chicane", "horsejump-high", "libby", "rollerblade"),
)
HELD = "first box held still"
OURS = {
    "vistream": SotConfig(),
    "movement has no say": SotConfig(movement=0.0),
    "colours have no say": SotConfig(colours=0.0),
    "nothing grows as it comes in": SotConfig(entering=False),
    "what is lost is not looked for": SotConfig(farther=0),
    "not whitened": SotConfig(whitening=1e6),
    "whitening 1": SotConfig(whitening=1.0),
    "whitening 0.1": SotConfig(whitening=0.1),
    "one size only": SotConfig(scales=1),
    "33 cells": SotConfig(grid=33),
    "65 cells": SotConfig(small=65),
    "correlation filter": SotConfig(head="dcf"),
}
OPENCV = ("CSRT", "KCF", "MIL")
SHIFT, STRETCH = 0.06, 0.08  # at most: of a first box's size, and the logarithm of its stretch along each side
RUNNER = Path(__file__).parent / "sot_opencv.py"
"""What runs OpenCV's trackers, in the environment that has them."""


class Footage:
    """Features, camera motion and frames of a clip, computed once and kept in `folder`.

    `backwards`: it is played from its end. `seed`: first boxes are shifted at random; None: they are the true ones.
    """

    def __init__(self, clip: Clip, folder: Path, backwards: bool = False, seed: int | None = None) -> None:
        self.name, self.objects, self.folder = clip.name, object_boxes(clip), folder
        self.title = clip.name + "-backwards" * backwards + ("" if seed is None else f"-shifted-{seed}")
        files = {part: folder / f"{clip.name}.{part}.npy" for part in ("features", "camera", "frames", "stride")}
        if not files["stride"].exists():
            for part, values in self._computed(clip).items():
                np.save(files[part], values)
        self._features = np.load(files["features"], mmap_mode="r")
        self._camera, self.frames = np.load(files["camera"]), files["frames"]
        across, down = np.load(files["stride"]).tolist()
        self._stride = float(across), float(down)
        if backwards:
            self._play_backwards(folder / f"{clip.name}.backwards.frames.npy")
        self.starts = {number: boxes[0] for number, (_, boxes) in self.objects.items()}
        if seed is not None:
            self.starts = {number: shifted(box, seed + number) for number, box in self.starts.items()}

    def _play_backwards(self, frames: Path) -> None:
        if not frames.exists():
            np.save(frames, np.load(self.frames, mmap_mode="r")[::-1])
        count = len(self._features)
        self.objects = {
            number: (count - first - len(boxes), boxes[::-1]) for number, (first, boxes) in self.objects.items()
        }
        turned = [np.linalg.inv(np.vstack([motion, (0, 0, 1)]))[:2] for motion in self._camera[:0:-1]]
        self._camera = np.array([np.full((2, 3), np.nan), *turned])
        self._features, self.frames = self._features[::-1], frames

    @staticmethod
    def _computed(clip: Clip) -> dict[str, NDArray[np.generic]]:
        stream, camera = Stream(named_network(cut=Cut.DEEP).network), CameraMotion()
        still, features, motion, frames = np.full((2, 3), np.nan), [], [], []
        stride = 1.0, 1.0
        with clip.open() as source:
            for frame in source:
                moved = camera.step(frame.image, np.zeros((0, 4)))
                fitted = fit(frame.image, shortest=SHORTEST["sot"])
                found = stream.step(fitted).features(frame.image)
                features.append(found.values.astype(np.float16))
                motion.append(still if moved is None else moved)
                frames.append(frame.image)
                stride = found.stride
        parts = {"features": features, "camera": motion, "frames": frames, "stride": [*stride]}
        return {part: np.array(values) for part, values in parts.items()}

    def followed(self, number: int, config: SotConfig) -> tuple[Boxes, float]:
        """The boxes that our tracker finds of an object, and the CPU seconds it took."""
        first, boxes = self.objects[number]
        tracker, found, seconds = SotTracker(config), [], 0.0
        pictures = np.load(self.frames, mmap_mode="r")
        tracker.add_object(self.starts[number])
        for frame in range(first, first + len(boxes)):
            features = FeatureMap(np.asarray(self._features[frame], np.float32), self._stride)
            camera = None if np.isnan(self._camera[frame]).any() else self._camera[frame]
            picture = np.array(pictures[frame])
            began = time.process_time()
            found.append(tracker.step(features, Observations.none(), camera, picture)[0].box)
            seconds += time.process_time() - began
        return np.array(found), seconds


def shifted(box: Boxes, seed: int) -> Boxes:
    """A box `[4]` as somebody else might have drawn it."""
    random = np.random.default_rng(seed)
    centre = box[:2] + box[2:] * (0.5 + random.uniform(-SHIFT, SHIFT, 2))
    size = box[2:] * np.exp(random.uniform(-STRETCH, STRETCH, 2))
    return np.hstack([centre - size / 2, size])


def measured(name: str, footage: Footage) -> NDArray[np.float64]:
    """Of every object of a clip: success AUC, frames and CPU seconds, `[objects, 3]`."""
    kept = footage.folder / f"{footage.title}.{name.replace(' ', '-')}.npz"
    if name in OPENCV and not kept.exists():
        numbers = list(footage.objects)
        firsts, courses = zip(*footage.objects.values(), strict=True)
        starts = list(footage.starts.values())
        jobs = footage.folder / "jobs.npz"
        np.savez(jobs, first=firsts, length=[len(b) for b in courses], box=starts, number=numbers)
        command: list[str | Path] = [python_with_opencv(footage.folder), RUNNER, name, footage.frames, jobs, kept]
        subprocess.run(command, check=True)
    elif not kept.exists():
        found: dict[int, tuple[Boxes, float]] = {}
        for number, (_, boxes) in footage.objects.items():
            if name == HELD:
                found[number] = np.tile(footage.starts[number], (len(boxes), 1)), 0.0
            else:
                found[number] = footage.followed(number, OURS[name])
        arrays: dict[str, Any] = {str(number): boxes for number, (boxes, _) in found.items()}
        np.savez(kept, seconds=np.array([seconds for _, seconds in found.values()]), **arrays)
    results = np.load(kept)
    scores = [sot_scores(boxes, results[str(number)]) for number, (_, boxes) in footage.objects.items()]
    lengths = [len(boxes) for _, boxes in footage.objects.values()]
    return np.array([[s.row()["Success AUC"] for s in scores], lengths, results["seconds"]], np.float64).T


def python_with_opencv(folder: Path) -> Path:
    """The interpreter of an environment with OpenCV's extra modules, made in `folder` where it isn't there."""
    python = folder / "env" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
        install: list[str | Path] = [
            python,
            "-m",
            "pip",
            "--quiet",
            "install",
            "opencv-contrib-python-headless>=4.8,<6",
        ]
        subprocess.run(install, check=True)
    return python


def left_out(table: dict[str, list[NDArray[np.float64]]], clips: list[str]) -> list[str]:
    """For each clip, which of ours is best on all others, and its mean there; nothing where none of ours was run."""
    if not table.keys() & OURS.keys():
        return []
    lines = []
    for out, clip in enumerate(clips):
        means = {
            name: float(np.concatenate([of[:, 0] for n, of in enumerate(row) if n != out]).mean())
            for name, row in table.items()
            if name in OURS
        }
        best = max(means, key=lambda name: means[name])
        lines.append(f"without {clip}: {best}, {means[best]:.3f}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--only", nargs="+", default=[HELD, *OPENCV, *OURS])
    parser.add_argument("--backwards", action="store_true")
    parser.add_argument("--shifted", type=int, metavar="SEED")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    found = find_clips("sot", arguments.root, CLIPS)
    footage = [Footage(clip, arguments.cache, arguments.backwards, arguments.shifted) for clip in found]
    clips = [one.name for one in footage]
    print("| | " + " | ".join([*clips, "all objects", "ms"]) + " |")
    print("|---|" + "---|" * (len(clips) + 2))
    table = {}
    for name in arguments.only:
        table[name] = [measured(name, one) for one in footage]
        every = np.concatenate(table[name])
        cells = [f"{of[:, 0].mean():.3f}" for of in (*table[name], every)]
        print("|", " | ".join([name, *cells, f"{1e3 * every[:, 2].sum() / every[:, 1].sum():.0f}"]), "|", flush=True)
    print("", *left_out(table, clips), sep="\n")


if __name__ == "__main__":
    main()
