"""The clips of the association study, and what is done to their detections. Features are not known here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from association.clips import CLIPS, View, corners
from vistream.media.formats.mot import read_detections, read_tracks
from vistream.types import Observations

Array = NDArray[np.float64]


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
    moving: bool = False  # seen by the virtual camera of `footage`


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


def through(window: Array, boxes: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Boxes as a window (x, y, w, h) shows them, cut off at its edges, and which of them it shows by half or more."""
    low = np.clip(boxes[:, :2] - window[:2], 0, window[2:])
    high = np.clip(boxes[:, :2] + boxes[:, 2:] - window[:2], 0, window[2:])
    shown = np.concatenate([low, high - low], axis=1)
    return shown, shown[:, 2:].prod(axis=1) >= 0.5 * boxes[:, 2:].prod(axis=1)


def ready(data: Path, case: Case) -> Sequence:
    """Read the case's clip from the folder `data` and spoil its detections."""
    clip, rng = CLIPS[case.clip], np.random.default_rng(case.seed)
    file = read_tracks(data / clip.truth)
    truth = {n: (file.ids[file.frames == n], file.boxes[file.frames == n]) for n in range(clip.frames)}
    if case.truth or clip.detections is None:
        given = {n: certain(boxes) for n, (_, boxes) in truth.items()}
    else:
        given = {n: Observations.none() for n in truth} | read_detections(data / clip.detections)
    if case.moving:
        view = View(case.clip, True)
        for n, corner in enumerate(corners(view)):
            window = np.concatenate([corner, view.size]).astype(np.float64)
            boxes, shown = through(window, truth[n][1])
            truth[n] = truth[n][0][shown], boxes[shown]
            boxes, shown = through(window, given[n].boxes)
            given[n] = replace(given[n], boxes=boxes).pick(shown)
    numbers = range(0, clip.frames, case.every)
    size = np.concatenate([o.boxes[:, 2:] for o in given.values()])
    extent = np.concatenate([o.boxes[:, :2] for o in given.values()]).max(axis=0)
    seen = [spoil(given[n], case, rng, np.median(size, axis=0), extent) for n in numbers]
    return Sequence(numbers, clip.fps / case.every, [truth[n] for n in numbers], seen)
