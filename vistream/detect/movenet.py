"""MoveNet MultiPose Lightning (Google, Apache-2.0): up to six people and their 17 COCO keypoints.

The model card asks for RGB integers and sides that are multiples of 32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.detect.coco import KEYPOINTS, PERSON
from vistream.detect.letterbox import Image, Placement, fitted_size, letterbox
from vistream.detect.own_network import OwnNetwork, maps_of
from vistream.detect.selection import Selection
from vistream.detect.streaming import Streaming
from vistream.engine.stream.step import Step
from vistream.models.tfjs import load_tfjs
from vistream.models.tfjs_body import split_tfjs
from vistream.quantize.ranges import Preprocess
from vistream.types import Frame, Observations

LONGER_SIDE = 512
"""Pixels. On a clip of four people 200 to 390 pixels tall in 960 x 540, the share of joints within half a head was
0.68 at 256, 0.95 at 384 and 0.98 at 512; the time grows with the area."""
STRIDE = 32
PREPROCESS = Preprocess((127.5,) * 3, (127.5,) * 3)
THRESHOLD = 0.2
PEOPLE = 6


class MoveNet(OwnNetwork):
    """Boxes labelled "person", with keypoints; a keypoint's third number is its confidence, in 0..1."""

    name = "movenet-multipose"

    def __init__(self, path: Path, selection: Selection, streaming: Streaming | None = None) -> None:
        if selection.threshold is None:
            selection = replace(selection, threshold=THRESHOLD)
        self._selection = selection.checked(self.name, (PERSON,))
        self._graph = load_tfjs(path)
        self._parts = split_tfjs(self._graph)
        super().__init__(self._parts.body, PREPROCESS, streaming)

    @property
    def labels(self) -> tuple[str]:
        return (PERSON,)

    def describe(self) -> str:
        size = f"longer side {LONGER_SIDE}"
        return f"{self.name}: MoveNet MultiPose, {size}, {self._kind()}, at most {PEOPLE} people, {self._selection}"

    def _placed(self, frame: Frame) -> tuple[Image, Placement]:
        return letterbox(frame, *fitted_size(frame, LONGER_SIDE, STRIDE), 0, centred=True)

    def _of_float(self, picture: Image) -> Observations:
        return self._people(self._graph(_tensor(picture)), picture)

    def _of_step(self, step: Step, picture: Image) -> Observations:
        image = next(iter(self._graph.inputs))
        return self._people(self._parts.rest({image: _tensor(picture), **maps_of(step)}), picture)

    def _people(self, outputs: Mapping[str, Tensor], picture: Image) -> Observations:
        (rows,) = outputs.values()
        height, width = picture.shape[:2]
        people = decode_movenet(rows[0].double().numpy(), width, height, self._placement)
        return people.pick(people.scores > (self._selection.threshold or 0.0))


def _tensor(picture: Image) -> Tensor:
    return torch.from_numpy(picture[None]).long()


def decode_movenet(rows: NDArray[np.float64], width: int, height: int, placement: Placement) -> Observations:
    """The network's rows `[N, 56]` as people in the frame, best first.

    A row is 17 times (y, x, confidence), then the box (y1, x1, y2, x2), in shares of the input, and its score.
    """
    rows = rows[np.argsort(-rows[:, 55], kind="stable")]
    size = np.array([width, height])
    points = rows[:, :51].reshape(-1, len(KEYPOINTS), 3)
    places = placement.to_frame(points[:, :, 1::-1] * size)
    corners = (rows[:, [52, 51, 54, 53]].reshape(-1, 2, 2) * size).reshape(-1, 4)
    return Observations(
        placement.boxes_to_frame(corners),
        rows[:, 55],
        (PERSON,) * len(rows),
        keypoints=np.concatenate([places, points[:, :, 2:]], 2),
    )
