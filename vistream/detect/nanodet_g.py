"""NanoDet-g, streamed: COCO's 80 classes, a longer side of 416 pixels. COCO mAP 22.9 by its authors' count."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vistream.detect.candidates import Candidates, Floats, in_frame
from vistream.detect.coco import CLASSES
from vistream.detect.letterbox import Image, Placement, fitted_size, letterbox
from vistream.detect.nanodet import HEAD_G
from vistream.detect.own_network import OwnNetwork
from vistream.detect.selection import Selection
from vistream.detect.streaming import SharedFeatures, Streaming
from vistream.engine.stream.step import Step
from vistream.kernels.heads import best_of_rows
from vistream.models.nanodet import MEAN, STD, STRIDE, load_nanodet_g
from vistream.quantize.ranges import Preprocess
from vistream.quantize.whitening import shipped_whitening
from vistream.types import Frame, Observations

LONGER = 416  # pixels: the side that it was trained with
FILL = 114  # grey level beside the frame
SHARED, SHARED_STRIDE = ("stages.0.leave", "stages.0.enter"), 4
"""The layers whose maps can serve as appearance features: docs/studies.md says how well."""
PREPROCESS = Preprocess(MEAN, STD)
CALMER: Mapping[int, Mapping[str, float]] = {
    1: {"stages.1": 2, "stages.2": 3, "stages.3": 3, "lateral": 6, "add": 6},
    2: {"stem": 0.5, "stages.2": 1.5, "stages.3": 1.5, "lateral": 3, "add": 3, "heads": 0},
}
"""Factors of the hysteresis, by how layers' names begin, where it is a single level, and where it is wider: wide in the
coarse stages, and in the sums of the pyramid, which hand on to the finest level what changed in the coarsest. What the
heads held would save nothing: hardly anything is computed behind them. Chosen by work, AP and HOTA: docs/studies.md."""
LIFT = {0: 0.0, 1: 0.12, 2: 0.08}
"""Nats by which logits are lifted, by the hysteresis: with it, objects score lower (docs/studies.md)."""
Size = tuple[int, int]


class NanodetGDetector(OwnNetwork):
    """`streaming` None: in float, dense. `size` is the longer side of the picture, or (width, height).

    Frames keep their aspect ratio.
    """

    name = "nanodet-g"

    def __init__(
        self, path: Path, selection: Selection, streaming: Streaming | None = None, size: int | Size | None = None
    ) -> None:
        self._selection = selection.checked(self.name, CLASSES)
        self._size = size or LONGER
        self._best: list[Best] = []
        hysteresis = 0 if streaming is None else min(streaming.zones.hysteresis, max(CALMER))
        self._lift = LIFT[hysteresis]
        super().__init__(load_nanodet_g(path), PREPROCESS, streaming, CALMER.get(hysteresis))

    @property
    def labels(self) -> Sequence[str]:
        return CLASSES

    def describe(self) -> str:
        if isinstance(self._size, tuple):
            size = f"{self._size[0]} x {self._size[1]}"
        else:
            size = f"a longer side of {self._size}"
        return f"{self.name}: NanoDet-g with {size}, {self._kind()}; {self._selection}"

    def features(self) -> SharedFeatures | None:
        if self._stream is None:
            return None
        height, width = self._shape
        across, down = (SHARED_STRIDE / scale for scale in self._placement.scale)
        size = math.ceil(round(height / down, 6)), math.ceil(round(width / across, 6))
        return self._stream.shared(SHARED, size, (across, down), shipped_whitening(self.name))

    def reset(self) -> None:
        super().reset()
        self._best = []

    def _placed(self, frame: Frame) -> tuple[Image, Placement]:
        size = self._size if isinstance(self._size, tuple) else fitted_size(frame, self._size, STRIDE)
        return letterbox(frame, *size, FILL, centred=False)

    def _of_float(self, picture: Image) -> Observations:
        return self._observed(candidates(float_maps(self.module, picture), self._selection.least()))

    def _of_step(self, step: Step, picture: Image) -> Observations:
        self._best = best_classes(step, self._best)
        found = candidates(maps_of(step), self._selection.least(), self._best)  # before the lift: else a third more
        return self._observed(replace(found, scores=lifted(found.scores, self._lift)))

    def _observed(self, found: Candidates) -> Observations:
        return in_frame(self._selection.chosen(found, CLASSES), CLASSES, self._placement)


@dataclass(frozen=True, slots=True)
class Best:
    """The largest logit of a class in each cell of a level, `[h * w]`, and which class has it."""

    logits: NDArray[np.float32]
    classes: NDArray[np.int32]

    @classmethod
    def of(cls, cells: int) -> Best:
        """Of so many cells, none of which was looked at."""
        return cls(np.zeros(cells, np.float32), np.zeros(cells, np.int32))

    def look(self, rows: NDArray[np.float32], where: NDArray[np.bool_] | None = None) -> None:
        """Look at the cells of a map, `[h * w, 124]`; `where`: bool `[h * w]`, at which ones, None: all."""
        best_of_rows(rows, len(CLASSES), self.logits, self.classes, where)


def lifted(scores: Floats, nats: float) -> Floats:
    """Scores, 0..1 and of any shape, whose logits are `nats` higher.

    >>> lifted(np.array([0.0, 0.45, 1.0]), 0.2).round(2)
    array([0. , 0.5, 1. ])
    """
    if nats == 0.0:
        return scores
    odds = np.exp(nats)
    return np.asarray(scores * odds / (1.0 + scores * (odds - 1.0)))


def maps_of(step: Step) -> list[NDArray[np.float32]]:
    """The maps of the head, float32 `[h, w, 124]`, finest first."""
    return [readout.values() for readout in step.outputs.values()]


def float_maps(module: nn.Module, picture: Image) -> list[NDArray[np.float32]]:
    """The same of the float network."""
    with torch.inference_mode():
        return [level[0].permute(1, 2, 0).numpy() for level in module(PREPROCESS(picture))]


def best_classes(step: Step, before: Sequence[Best]) -> list[Best]:
    """The best class of each cell, by level; `before`: those of the frame before, or none: then all are looked at, else
    only what was recomputed, and `before` is changed."""
    found = list(before) or [
        Best.of(readout.levels.shape[0] * readout.levels.shape[1]) for readout in step.outputs.values()
    ]
    for best, readout in zip(found, step.outputs.values(), strict=True):
        rows = readout.values().reshape(-1, readout.levels.shape[2])
        best.look(rows, readout.recomputed.numpy().reshape(-1) if before else None)
    return found


def candidates(maps: Sequence[NDArray[np.float32]], least: float, best: Sequence[Best] = ()) -> Candidates:
    """The candidates with scores above `least`; of other cells nothing but the best class is looked at.

    `best`: the best class of each cell, by level, where that is known.
    """
    bound = np.log(least / (1 - least)) if 0 < least < 1 else -np.inf if least <= 0 else np.inf
    levels = [level.reshape(-1, level.shape[2]) for level in maps]
    if not best:
        best = [Best.of(len(level)) for level in levels]
        for one, level in zip(best, levels, strict=True):
            one.look(level)
    cells = [np.flatnonzero(one.logits > bound) for one in best]
    bins = [level[some, len(CLASSES) :] for level, some in zip(levels, cells, strict=True)]
    logits = np.concatenate([one.logits[some] for one, some in zip(best, cells, strict=True)])
    labels = np.concatenate([one.classes[some] for one, some in zip(best, cells, strict=True)])
    corners = HEAD_G.corners(np.concatenate(bins), cells, [level.shape[1] for level in maps])
    return Candidates(corners, (1 / (1 + np.exp(-logits))).astype(np.float64), labels.astype(np.intp))
