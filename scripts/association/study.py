"""Runs the tracker over a case with some features and options, and scores the result; nothing is run twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from association.cases import CLIPS, Case, ready
from vistream.engine.fidelity import dead_zones
from vistream.engine.stream.engine import Stream
from vistream.evaluate.metrics.overlap import box_iou
from vistream.evaluate.metrics.scene import make_scene
from vistream.evaluate.metrics.tracking import track_scores
from vistream.media.video.source import open_source
from vistream.models.lite0 import lite0_features
from vistream.quantize.named import DEFAULT_MODEL, named_network
from vistream.tracking import kalman
from vistream.tracking.mot import MotConfig, MotTracker
from vistream.types import FeatureMap


@dataclass(frozen=True)
class Variant:
    """One row of a table.

    `cut`: one of `CUTS`, or a fidelity of the engine, or None for no appearance; `noise`: deviation added to the
    features, in shares of their own; `kalman`: constants of that module to be multiplied.
    """

    config: MotConfig = field(default_factory=MotConfig)
    cut: str | None = "4"
    transform: str = "as they are"
    noise: float = 0.0
    kalman: tuple[tuple[str, float], ...] = ()


# block, and the block from which strides become dilations
CUTS: dict[str, tuple[int, int | None]] = {
    "2": (2, None),
    "4": (4, None),
    "7": (7, None),
    "10": (10, None),
    "10, dilated": (10, 5),
}


def float_features(cut: str, video: str) -> Iterator[NDArray[np.float32]]:
    """Feature maps `[h, w, C]` of a video's frames, by Lite0 in floats."""
    network = lite0_features(*CUTS[cut])
    with torch.inference_mode(), open_source(video) as source:
        for frame in source:
            pixels = torch.from_numpy(frame.image).permute(2, 0, 1)[None].float()
            yield network((pixels - 127) / 128)[0].permute(1, 2, 0).numpy()


def stream_features(fidelity: str, video: str) -> Iterator[NDArray[np.float32]]:
    """The same from the program's own engine: block 4 of Lite0 in integers, with that fidelity's dead zones."""
    zones = dead_zones(fidelity, None, None)
    stream = Stream(named_network(DEFAULT_MODEL).network, zones.deadband, zones.hysteresis, noise=zones.noise)
    with open_source(video) as source:
        for frame in source:
            yield stream.step(frame.image).features(frame.image).values


def centred(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(values - values.mean(axis=(0, 1)))


def whitened(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Channels decorrelated over the frame, each of unit variance."""
    flat = centred(values).reshape(-1, values.shape[2])
    spread, axes = np.linalg.eigh(flat.T @ flat / len(flat))
    rotated = flat @ (axes / np.sqrt(spread + 0.01 * spread.mean())) @ axes.T
    return np.asarray(rotated.reshape(values.shape), dtype=np.float32)


TRANSFORMS: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "as they are": lambda values: values,
    "centred": centred,
    "whitened": whitened,
}


@contextmanager
def scaled_kalman(factors: tuple[tuple[str, float], ...]) -> Iterator[None]:
    """The filter with some of its constants multiplied, for as long as the context lasts."""
    kept = {name: getattr(kalman, name) for name, _ in factors}
    for name, factor in factors:
        setattr(kalman, name, factor * kept[name])
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(kalman, name, value)


class Study:
    """The data folder, the cache of features, and what was computed already."""

    def __init__(self, data: Path, store: Path) -> None:
        self.data, self.store = data, store
        store.mkdir(parents=True, exist_ok=True)
        self.sequence = cache(partial(ready, data))
        self.scores = cache(self._scores)
        self.loaded: dict[tuple[str, str], NDArray[np.float16]] = {}

    def features(self, clip: str, cut: str) -> NDArray[np.float16]:
        """`[frames, h, w, C]`."""
        if (clip, cut) not in self.loaded:
            file = self.store / f"{clip}_{cut.replace(', ', '-')}.npy"
            if not file.exists():
                produce = float_features if cut in CUTS else stream_features
                maps = produce(cut, str(self.data / CLIPS[clip].video))
                np.save(file, np.stack([values.astype(np.float16) for values in maps]))
            self.loaded[clip, cut] = np.load(file, mmap_mode="r")
        return self.loaded[clip, cut]

    def maps(self, case: Case, variant: Variant) -> Iterator[FeatureMap | None]:
        """The feature map of each frame of the case; None without appearance."""
        rng = np.random.default_rng(1)
        width, height = CLIPS[case.clip].size
        for number in self.sequence(case).numbers:
            if variant.cut is None:
                yield None
                continue
            values = TRANSFORMS[variant.transform](self.features(case.clip, variant.cut)[number].astype(np.float32))
            if variant.noise:
                values = values + (variant.noise * values.std() * rng.standard_normal(values.shape)).astype(np.float32)
            yield FeatureMap(values, (width / values.shape[1], height / values.shape[0]))

    def _scores(self, case: Case, variant: Variant) -> tuple[float, float, float, int]:
        """HOTA, IDF1, MOTA in per cent, and identity switches."""
        sequence = self.sequence(case)
        tracker = MotTracker(variant.config, sequence.fps)
        found = []
        with scaled_kalman(variant.kalman):
            for features, observations in zip(self.maps(case, variant), sequence.seen, strict=True):
                found.append(tracker.step(features, observations))
        boxes = [np.array([t.box for t in tracks]).reshape(-1, 4) for tracks in found]
        scene = make_scene(
            [ids for ids, _ in sequence.truth],
            [[t.id for t in tracks] for tracks in found],
            [box_iou(true, b) for (_, true), b in zip(sequence.truth, boxes, strict=True)],
        )
        row = track_scores(scene).row()
        return 100 * row["HOTA"], 100 * row["IDF1"], 100 * row["MOTA"], int(row["IDSW"])
