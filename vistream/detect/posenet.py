"""PoseNet (Google, Apache-2.0; MobileNet v1 0.75): any number of people and their 17 COCO keypoints.

The network gives, on a grid of stride 16: for each keypoint a heat map and an offset to the exact place; for each
edge of the skeleton a displacement from one end to the other, both ways. People are put together by the greedy
decoding of PersonLab (Papandreou et al., ECCV 2018, section 3.1): from the strongest keypoint left, along the edges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.detect.coco import KEYPOINTS, PERSON
from vistream.detect.letterbox import Image, Placement, letterbox
from vistream.detect.own_network import OwnNetwork, maps_of
from vistream.detect.selection import Selection
from vistream.detect.streaming import Streaming
from vistream.engine.stream.step import Step
from vistream.models.tfjs import load_tfjs
from vistream.models.tfjs_body import split_tfjs
from vistream.quantize.ranges import Preprocess
from vistream.types import Frame, Observations

Floats = NDArray[np.float64]

LONGER_SIDE = 641
THRESHOLD = 0.25
STRIDE = 16
PREPROCESS = Preprocess((127.5,) * 3, (127.5,) * 3)
SEED = 0.3  # least confidence of the keypoint that a person grows from
APART = 20.0  # pixels of the input between the same keypoint of two people
VISIBLE = 0.2  # least confidence of the keypoints that span a person's box
PARENTS = (
    ("nose", "left_eye"), ("left_eye", "left_ear"), ("nose", "right_eye"), ("right_eye", "right_ear"),
    ("nose", "left_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
    ("left_shoulder", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
    ("nose", "right_shoulder"), ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
    ("right_shoulder", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
)  # fmt: skip
EDGES = tuple((KEYPOINTS.index(parent), KEYPOINTS.index(child)) for parent, child in PARENTS)


@dataclass(frozen=True, slots=True)
class Fields:
    """The network's outputs on the grid; places are (y, x) in pixels of the input.

    `heat` `[h, w, 17]` in 0..1; `offset` `[h, w, 17, 2]`; `forward`, from an edge's parent to its child, and
    `backward`, `[h, w, 16, 2]`.
    """

    heat: Floats
    offset: Floats
    forward: Floats
    backward: Floats

    def cell(self, place: Floats) -> tuple[int, int]:
        """The grid cell nearest to a place."""
        y, x = np.clip(np.rint(place / STRIDE), 0, np.array(self.heat.shape[:2]) - 1).astype(int).tolist()
        return y, x

    def exact(self, keypoint: int, place: Floats) -> Floats:
        """Where the keypoint near `place` is, by the offset of the cell there."""
        y, x = self.cell(place)
        return np.asarray(np.array([y, x]) * STRIDE + self.offset[y, x, keypoint])

    def grown(self, seed: int, place: Floats) -> Floats:
        """The person whose keypoint `seed` is at `place`: `[17, 3]` as (y, x, confidence)."""
        person = np.full((len(KEYPOINTS), 3), np.nan)
        person[seed] = *place, self.heat[(*self.cell(place), seed)]
        steps = [(child, parent, self.backward[..., edge, :]) for edge, (parent, child) in enumerate(EDGES)][::-1]
        steps += [(parent, child, self.forward[..., edge, :]) for edge, (parent, child) in enumerate(EDGES)]
        for source, target, displacement in steps:
            if np.isnan(person[source, 0]) or not np.isnan(person[target, 0]):
                continue
            near = person[source, :2] + displacement[self.cell(person[source, :2])]
            there = self.exact(target, self.exact(target, near))
            person[target] = *there, self.heat[(*self.cell(there), target)]
        return person


def decode_posenet(fields: Fields) -> tuple[Floats, Floats]:
    """All people as keypoints `[N, 17, 3]`, (y, x, confidence) in the input, and their scores `[N]`.

    A person's score is the mean confidence of the keypoints, those counted as 0 that a person before has already.
    """
    people: list[Floats] = []
    scores: list[float] = []
    highest = cv2.dilate(fields.heat, np.ones((3, 3), np.uint8))
    seeds = np.argwhere((fields.heat >= highest) & (fields.heat > SEED))
    strength = fields.heat[tuple(seeds.T)]
    for y, x, keypoint in seeds[np.argsort(-strength, kind="stable")].tolist():
        place = np.array([y, x]) * STRIDE + fields.offset[y, x, keypoint]
        if any(np.linalg.norm(person[keypoint, :2] - place) < APART for person in people):
            continue
        person = fields.grown(keypoint, place)
        taken = np.zeros(len(KEYPOINTS), bool)
        for other in people:
            taken |= np.linalg.norm(other[:, :2] - person[:, :2], axis=1) < APART
        people.append(person)
        scores.append(float(np.where(taken, 0, person[:, 2]).mean()))
    return np.array(people).reshape(-1, len(KEYPOINTS), 3), np.array(scores)


class PoseNet(OwnNetwork):
    """Boxes labelled "person", with keypoints; a keypoint's third number is its confidence, in 0..1."""

    name = "posenet"

    def __init__(self, path: Path, selection: Selection, streaming: Streaming | None = None) -> None:
        if selection.threshold is None:
            selection = replace(selection, threshold=THRESHOLD)
        self._selection = selection.checked(self.name, (PERSON,))
        super().__init__(split_tfjs(load_tfjs(path, free_axes=(1, 2))).body, PREPROCESS, streaming)

    @property
    def labels(self) -> tuple[str]:
        return (PERSON,)

    def describe(self) -> str:
        size = f"longer side {LONGER_SIDE}"
        return f"{self.name}: PoseNet, {size}, {self._kind()}, any number of people, {self._selection}"

    def _placed(self, frame: Frame) -> tuple[Image, Placement]:
        rows, columns = frame.shape[:2]
        scale = (LONGER_SIDE - 1) / max(rows, columns)
        width, height = (-(-round(side * scale) // STRIDE) * STRIDE + 1 for side in (columns, rows))
        return letterbox(frame, width, height, 128, centred=True)

    def _of_float(self, picture: Image) -> Observations:
        with torch.inference_mode():
            maps = self.module(self.preprocess(picture))
        return self._people({name: value.permute(0, 2, 3, 1) for name, value in maps.items()})

    def _of_step(self, step: Step, picture: Image) -> Observations:
        return self._people(maps_of(step))

    def _people(self, maps: Mapping[str, Tensor]) -> Observations:
        people, scores = decode_posenet(fields_of(maps))
        kept = np.flatnonzero(scores > (self._selection.threshold or 0.0))
        order = kept[np.argsort(-scores[kept], kind="stable")]
        places = self._placement.to_frame(people[order][:, :, 1::-1])
        keypoints = np.concatenate([places, people[order][:, :, 2:]], 2)
        boxes = np.array([_box(person) for person in keypoints]).reshape(-1, 4)
        return Observations(boxes, scores[order], (PERSON,) * len(order), keypoints=keypoints)


def fields_of(maps: Mapping[str, Tensor]) -> Fields:
    """The network's outputs, `[1, h, w, C]`, by the names of their nodes."""
    by_name = {name.split("/")[1]: value[0].double() for name, value in maps.items()}

    def vectors(name: str) -> Floats:
        """All ys, then all xs, to pairs (y, x)."""
        return torch.stack(by_name[name].chunk(2, 2), 3).numpy()

    heat = by_name["heatmap_2"].sigmoid().numpy()
    return Fields(heat, vectors("offset_2"), vectors("displacement_fwd_2"), vectors("displacement_bwd_2"))


def _box(keypoints: Floats) -> Floats:
    """The box around the visible keypoints, or around all where none is."""
    seen = keypoints[keypoints[:, 2] > VISIBLE] if (keypoints[:, 2] > VISIBLE).any() else keypoints
    low, high = seen[:, :2].min(0), seen[:, :2].max(0)
    return np.concatenate([low, np.maximum(high - low, 1.0)])
