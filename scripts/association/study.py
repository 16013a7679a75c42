"""Runs the tracker over a case with some features and options, and scores the result; nothing is run twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from association.cases import Case, Sequence, ready
from association.clips import View
from association.footage import Footage
from vistream.detect.camera_motion import CameraMotion
from vistream.evaluate.metrics.overlap import box_iou
from vistream.evaluate.metrics.scene import make_scene
from vistream.evaluate.metrics.tracking import track_scores
from vistream.tracking.mot import MotConfig, MotTracker
from vistream.types import FeatureMap, Warp


@dataclass(frozen=True)
class Variant:
    """One row of a table.

    `cut`: one of `CUTS`, or a fidelity of the engine, or None for no appearance; `camera`: its motion is told.
    """

    config: MotConfig = field(default_factory=MotConfig)
    cut: str | None = "4"
    camera: bool = True


Found = list[tuple[NDArray[np.int64], NDArray[np.float64]]]


@dataclass(frozen=True)
class Score:
    """HOTA, IDF1 and MOTA in per cent, and identity switches."""

    hota: float
    idf1: float
    mota: float
    switches: int


def score(sequence: Sequence, found: Found) -> Score:
    """What a tracker reported, ids and boxes of every frame, against the case's ground truth."""
    overlaps = [box_iou(true, boxes) for (_, true), (_, boxes) in zip(sequence.truth, found, strict=True)]
    row = track_scores(make_scene([ids for ids, _ in sequence.truth], [ids for ids, _ in found], overlaps)).row()
    return Score(100 * row["HOTA"], 100 * row["IDF1"], 100 * row["MOTA"], int(row["IDSW"]))


class Study:
    """The clips with their features, and what was computed already."""

    def __init__(self, footage: Footage) -> None:
        self.footage = footage
        self.sequence = cache(partial(ready, footage.data))
        self.features = cache(footage.features)
        self.scores = cache(self._scores)
        self.cameras = cache(self._cameras)

    def maps(self, case: Case, variant: Variant) -> Iterator[FeatureMap | None]:
        """The feature map of each frame of the case; None without appearance."""
        view = View(case.clip, case.moving)
        width, height = view.size
        for number in self.sequence(case).numbers:
            if variant.cut is None:
                yield None
                continue
            values = self.features(view, variant.cut)[number].astype(np.float32)
            yield FeatureMap(values, (width / values.shape[1], height / values.shape[0]))

    def _cameras(self, case: Case) -> list[Warp | None]:
        """The camera's motion before each frame of the case."""
        frames = np.load(self.footage.frames(View(case.clip, case.moving)), mmap_mode="r")
        motion, sequence = CameraMotion(), self.sequence(case)
        return [motion.step(frames[n], seen.boxes) for n, seen in zip(sequence.numbers, sequence.seen, strict=True)]

    def found(self, case: Case, variant: Variant) -> Found:
        """Ids and boxes of every frame of the case, by the tracker."""
        sequence = self.sequence(case)
        tracker = MotTracker(variant.config, sequence.fps)
        found = []
        cameras = self.cameras(case) if variant.camera else [None] * len(sequence.seen)
        given = zip(self.maps(case, variant), sequence.seen, cameras, strict=True)
        for features, observations, camera in given:
            tracks = [track for track in tracker.step(features, observations, camera) if track.seen or track.covered]
            boxes = np.array([t.box for t in tracks]).reshape(-1, 4)
            found.append((np.array([t.id for t in tracks], np.int64), boxes))
        return found

    def _scores(self, case: Case, variant: Variant) -> Score:
        return score(self.sequence(case), self.found(case, variant))
