"""The clips of the association study, and what is done to their detections. Features are not known here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vistream.media.formats.mot import read_detections, read_tracks
from vistream.types import Observations

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Clip:
    """Where a clip lies, how fast it runs, its (width, height); `detections`: None where there are only true boxes."""

    video: str
    truth: str
    detections: str | None
    fps: float
    frames: int
    size: tuple[int, int]


PETS, FULL, TUD, GIRLS = "mot/PETS09-S2L1", "mot/PETS09-S2L1-full480", "mot/TUD-Stadtmitte", "mots/schoolgirls"
TRUTH, DETECTIONS = "/gt/gt.txt", "/det/det_sort.txt"
CLIPS = {
    "PETS": Clip(f"{PETS}/img1", PETS + TRUTH, PETS + DETECTIONS, 7, 150, (768, 576)),
    "PETS-480": Clip(f"{FULL}/PETS09-S2L1_480x360.mp4", FULL + TRUTH, FULL + DETECTIONS, 7, 795, (480, 360)),
    "TUD": Clip(f"{TUD}/TUD-Stadtmitte.mp4", TUD + TRUTH, TUD + DETECTIONS, 25, 179, (640, 480)),
    "schoolgirls": Clip(f"{GIRLS}/schoolgirls.mp4", f"{GIRLS}/gt/gt_boxes.txt", None, 25, 80, (432, 240)),
}


@dataclass(frozen=True)
class Case:
    """A clip and what is done to its detections before they are tracked."""

    clip: str
    truth: bool = False  # the ground truth's boxes, ids forgotten
    drop: float = 0.0  # share of the boxes lost
    shake: float = 0.0  # deviation of x, y, w, h in shares of the box's size
    false: float = 0.0  # false boxes a frame, anywhere in it
    weak: float = 0.0  # share of the boxes whose score falls below conf_thres
    every: int = 1  # every n-th frame only
    seed: int = 0


SCENES = ("PETS", "TUD")  # PETS-480 is the first, in full and smaller: too slow to be in every suite
SUITES: dict[str, list[Case]] = {
    "as given": [Case("PETS"), Case("PETS-480"), Case("TUD")],
    "lightly changed": [Case(c, drop=0.05, shake=0.02, seed=s) for c in SCENES for s in (1, 2, 3)]
    + [Case("PETS-480", drop=0.05, shake=0.02, seed=4)],
    "20 % dropped": [Case(c, drop=0.2, seed=s) for c in SCENES for s in (1, 2)],
    "20 % weak": [Case(c, weak=0.2, seed=s) for c in SCENES for s in (1, 2)],
    "8 % shaken": [Case(c, shake=0.08, seed=s) for c in SCENES for s in (1, 2)],
    "1 false a frame": [Case(c, false=1, seed=s) for c in SCENES for s in (1, 2)],
    "fewer frames": [Case("PETS", every=2), Case("TUD", every=2), Case("TUD", every=3), Case("TUD", every=5)],
    "true boxes": [Case(c, truth=True) for c in (*SCENES, "schoolgirls")],
    "true, 20 % dropped, 3 % shaken": [
        Case(c, truth=True, drop=0.2, shake=0.03, seed=1) for c in (*SCENES, "schoolgirls")
    ],
    "true, fewer frames": [
        Case(c, truth=True, every=n) for c, n in (("PETS", 2), ("TUD", 3), ("TUD", 6), ("schoolgirls", 3))
    ],
}


@dataclass(frozen=True)
class Sequence:
    """A case made ready: the k-th entry of `truth` (ids, boxes) and `seen` belongs to frame `numbers[k]`."""

    numbers: range
    fps: float
    truth: list[tuple[NDArray[np.int64], Array]]
    seen: list[Observations]


def certain(boxes: Array) -> Observations:
    return Observations(boxes, np.full(len(boxes), 0.9), ("object",) * len(boxes))


def spoil(seen: Observations, case: Case, rng: np.random.Generator, size: Array, extent: Array) -> Observations:
    """Do to one frame's detections what the case says; false ones get the usual `size`, anywhere up to `extent`."""
    kept = seen.pick(rng.random(len(seen)) >= case.drop)
    boxes = kept.boxes + case.shake * kept.boxes[:, [2, 3, 2, 3]] * rng.standard_normal((len(kept), 4))
    boxes[:, 2:] = np.maximum(boxes[:, 2:], 4.0)
    scores = np.where(rng.random(len(kept)) < case.weak, 0.3, kept.scores)
    extra = rng.poisson(case.false)
    corners = rng.uniform(0, 1, (extra, 2)) * extent
    return Observations(
        np.concatenate([boxes, np.concatenate([corners, np.tile(size, (extra, 1))], axis=1)]),
        np.concatenate([scores, rng.uniform(0.5, 1, extra)]),
        ("object",) * (len(kept) + extra),
    )


def ready(data: Path, case: Case) -> Sequence:
    """Read the case's clip from the folder `data` and spoil its detections."""
    clip, rng = CLIPS[case.clip], np.random.default_rng(case.seed)
    truth = read_tracks(data / clip.truth)
    by_frame = {n: truth.frames == n for n in range(clip.frames)}
    if case.truth or clip.detections is None:
        given = {n: certain(truth.boxes[rows]) for n, rows in by_frame.items()}
    else:
        given = read_detections(data / clip.detections)
    numbers = range(0, clip.frames, case.every)
    size = np.concatenate([o.boxes[:, 2:] for o in given.values()])
    extent = np.concatenate([o.boxes[:, :2] for o in given.values()]).max(axis=0)
    seen = [spoil(given.get(n, Observations.none()), case, rng, np.median(size, axis=0), extent) for n in numbers]
    return Sequence(
        numbers, clip.fps / case.every, [(truth.ids[by_frame[n]], truth.boxes[by_frame[n]]) for n in numbers], seen
    )
