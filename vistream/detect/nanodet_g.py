"""NanoDet-g, streamed: COCO's 80 classes, a longer side of 416 pixels. COCO mAP 22.9 by its authors' count."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vistream.detect.candidates import Candidates, in_frame
from vistream.detect.coco import CLASSES
from vistream.detect.letterbox import Image, Placement, fitted_size, letterbox
from vistream.detect.nanodet import HEAD_G
from vistream.detect.selection import Selection
from vistream.detect.streaming import PictureStream, Prepared, SharedFeatures, Streaming
from vistream.engine.stream.engine import Step
from vistream.ir.network import IntegerNetwork
from vistream.models.nanodet import MEAN, STD, STRIDE, NanodetG, load_nanodet_g
from vistream.quantize.convert import converted
from vistream.quantize.named import shipped_ranges
from vistream.quantize.ranges import Preprocess
from vistream.quantize.scales import Levels
from vistream.quantize.trace import trace
from vistream.types import Frame, Observations, Work

LONGER = 416  # pixels: the side that it was trained with
FILL = 114  # grey level beside the frame
LEVELS = Levels(127, 127)
SHARED, SHARED_STRIDE = ("stages.0.leave", "stages.0.enter"), 4
"""The layers whose maps can serve as appearance features: docs/studies.md says how well."""
PREPROCESS = Preprocess(MEAN, STD)
CALMER = {"stages.2": 2, "stages.3": 2, "lateral": 4, "add": 4}
"""Factors of the hysteresis, by how layers' names begin: of the coarse stages, and of the sums of the pyramid, which
hand on to the finest level what changed in the coarsest. Chosen by work and AP: docs/studies.md."""
Size = tuple[int, int]


class NanodetGDetector:
    """Its network is the shipped calibration's, so that it depends on no video. `streaming` None: in float, dense.

    `size` is the longer side of the picture, or (width, height); frames keep their aspect ratio.
    """

    name = "nanodet-g"

    def __init__(
        self, path: Path, selection: Selection, streaming: Streaming | None = None, size: int | Size | None = None
    ) -> None:
        self._selection = selection.checked(self.name, CLASSES)
        self._size = size or LONGER
        self._module = load_nanodet_g(path)
        self._network = None if streaming is None else nanodet_network(self._module)
        self._streaming = streaming
        self._stream: PictureStream | None = None
        self._seen: Observations | None = None  # in the last frame
        self._best: list[NDArray[np.float32]] = []
        self._prepared = Prepared()
        self._placement, self._shape = Placement((1.0, 1.0)), (0, 0)

    def describe(self) -> str:
        if isinstance(self._size, tuple):
            size = f"{self._size[0]} x {self._size[1]}"
        else:
            size = f"a longer side of {self._size}"
        kind = "float, dense" if self._streaming is None else f"streamed, {self._streaming.zones}"
        return f"{self.name}: NanoDet-g with {size}, {kind}; {self._selection}"

    @property
    def work(self) -> Work:
        return Work() if self._stream is None else self._stream.work

    def body(self, frame: Frame) -> PictureStream | None:
        return self._stream_for(self.picture(frame))

    def _stream_for(self, picture: Image) -> PictureStream | None:
        if self._network is None or self._streaming is None:
            return None
        if self._stream is None or not self._stream.fits(picture):
            self.reset()
            self._stream = PictureStream(self._network, self._streaming.zones, factors_of(self._network))
        return self._stream

    def picture(self, frame: Frame) -> Image:
        return self._placed(frame)[0]

    def prepare(self, frame: Frame) -> None:
        self._prepared.put(frame, self._placed(frame))

    def detect(self, frame: Frame, index: int) -> Observations:
        picture, placement = self._prepared.take(frame) or self._placed(frame)
        if (placement, frame.shape[:2]) != (self._placement, self._shape):
            self._seen = None  # boxes of the same picture lie elsewhere in another frame
        self._placement, self._shape = placement, frame.shape[:2]
        body, least = self._stream_for(picture), self._selection.least()
        if body is None:
            return self._observed(candidates(float_maps(self._module, picture), least))
        step = body.step(picture)
        if step is not None or self._seen is None:
            step = step or body.outputs
            self._best = best_logits(step, self._best)
            self._seen = self._observed(candidates(maps_of(step), least, self._best))
        return self._seen

    def _observed(self, found: Candidates) -> Observations:
        return in_frame(self._selection.chosen(found, CLASSES), CLASSES, self._placement)

    def features(self) -> SharedFeatures | None:
        if self._stream is None:
            return None
        height, width = self._shape
        across, down = (SHARED_STRIDE / scale for scale in self._placement.scale)
        size = math.ceil(round(height / down, 6)), math.ceil(round(width / across, 6))
        return self._stream.shared(SHARED, size, (across, down))

    def reset(self) -> None:
        """Forget the video."""
        self._stream = self._seen = None
        self._best = []

    def state_dict(self) -> dict[str, Any]:
        return {} if self._stream is None else self._stream.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.reset()
        if state and self._network is not None and self._streaming is not None:
            self._stream = PictureStream(self._network, self._streaming.zones, factors_of(self._network))
            self._stream.load_state_dict(state)

    def _placed(self, frame: Frame) -> tuple[Image, Placement]:
        size = self._size if isinstance(self._size, tuple) else fitted_size(frame, self._size, STRIDE)
        return letterbox(frame, *size, FILL, centred=False)


def nanodet_network(module: NanodetG) -> IntegerNetwork:
    """The integer network, by the calibration that comes with the program; its outputs are real numbers."""
    ranges = shipped_ranges("nanodet-g")
    assert ranges is not None
    return converted(trace(module), ranges, PREPROCESS, LEVELS, read_out=True)[0]


def factors_of(network: IntegerNetwork) -> dict[str, int]:
    """How many times as wide the hysteresis is, by layer."""
    return {
        neuron.name: factor
        for neuron in network.neurons
        for prefix, factor in CALMER.items()
        if neuron.name.startswith(prefix)
    }


def maps_of(step: Step) -> list[NDArray[np.float32]]:
    """The maps of the head, float32 `[h, w, 124]`, finest first."""
    return [readout.values() for readout in step.outputs.values()]


def float_maps(module: NanodetG, picture: Image) -> list[NDArray[np.float32]]:
    """The same of the float network."""
    with torch.inference_mode():
        return [level[0].permute(1, 2, 0).numpy() for level in module(PREPROCESS(picture))]


def best_logits(step: Step, before: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """The largest logit of a class in each cell, by level, float32 `[h * w]`; `before`: those of the frame before, or
    none: then only what was recomputed is looked at."""
    found = []
    for level, readout in enumerate(step.outputs.values()):
        rows = readout.values().reshape(-1, readout.levels.shape[2])[:, : len(CLASSES)]
        if not before:
            found.append(rows.max(1))
            continue
        cells = readout.recomputed.numpy().reshape(-1).nonzero()[0]
        before[level][cells] = rows[cells].max(1)
        found.append(before[level])
    return found


def candidates(
    maps: Sequence[NDArray[np.float32]], least: float, best: Sequence[NDArray[np.float32]] = ()
) -> Candidates:
    """The candidates with scores above `least`; of other cells nothing but the scores is looked at.

    `best`: the largest logit of each cell, by level, where that is known.
    """
    bound = np.log(least / (1 - least)) if 0 < least < 1 else -np.inf if least <= 0 else np.inf
    levels = [level.reshape(-1, level.shape[2]) for level in maps]
    best = best or [rows[:, : len(CLASSES)].max(1) for rows in levels]
    cells = [np.flatnonzero(largest > bound) for largest in best]
    rows = np.concatenate([level[some] for level, some in zip(levels, cells, strict=True)])
    scores = 1 / (1 + np.exp(-rows[:, : len(CLASSES)]))
    return HEAD_G.candidates(scores, rows[:, len(CLASSES) :], cells, [level.shape[1] for level in maps])
