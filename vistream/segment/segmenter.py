"""One video being segmented, frame by frame, online: frames in, class maps and segments out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vistream.engine.fidelity import DeadZones
from vistream.models.classes import VOID, ClassSet, class_set
from vistream.models.spike2former import Panoptic, Spike2Former
from vistream.segment.inference import Inference, class_scores
from vistream.segment.streamed import Streamed
from vistream.types import Box, ClassMap, Frame, Result, Segment, Work


@dataclass(frozen=True, slots=True)
class Segmented:
    """What one frame shows; `segments` of the task panoptic. `work`, `activity`: see `Result`; of a stream."""

    class_map: ClassMap
    segments: tuple[Segment, ...] = ()
    work: Work = field(default_factory=Work)
    activity: NDArray[np.bool_] | None = None

    def result(self, index: int, time: float) -> Result:
        """As the result of a frame without tracks."""
        shares = self.class_map.shares()
        found = Result(index, time, (), 0, self.work, self.activity)
        return replace(found, class_map=self.class_map, shares=shares, segments=self.segments)


class Segmenter:
    """Segments frames: with a float network, whole, or with its integer form as a stream.

    `task`: semseg (classes) or panoptic (classes and things). `how`: in float, whole frames or windows. `zones`: what
    the stream may leave as it is; None: float, where what came before does not matter. `bits`: of a stream's weights.
    """

    def __init__(
        self,
        network: Spike2Former,
        task: str = "semseg",
        how: Inference | None = None,
        zones: DeadZones | None = None,
        bits: int = 8,
    ) -> None:
        self.network, self.task, self.zones = network, task, zones
        self.classes = classes_of(network)
        self._how = how or Inference()
        self._streamed = None if zones is None else Streamed(network, zones, bits)
        self._before: tuple[tuple[int, ...], Segmented] | None = None

    @property
    def made_with(self) -> str:
        """Which form of the network runs, in words."""
        return "float" if self._streamed is None else f"int{self._streamed.bits} stream"

    def step(self, frame: Frame) -> Segmented:
        """Take the next frame, uint8 `[H, W, 3]`, RGB."""
        if self._streamed is not None:
            return self._stream(frame, self._streamed)
        if self.task == "panoptic":
            return as_segmented(self.network.segments(frame), self.classes)
        return self._labelled(class_scores(self.network, frame, self._how))

    def _stream(self, frame: Frame, streamed: Streamed) -> Segmented:
        """What the same masks and classes come to is kept."""
        seen = streamed.step(frame)
        if seen.changed or self._before is None or self._before[0] != frame.shape:
            if self.task == "panoptic":
                found = as_segmented(self.network.segmented(seen.classes, seen.masks, frame), self.classes)
            else:
                found = self._labelled(self.network.scored(seen.classes, seen.masks, frame))
            self._before = (frame.shape, found)
        return replace(self._before[1], work=seen.work, activity=seen.activity)

    def _labelled(self, scores: Tensor) -> Segmented:
        labels = scores.argmax(0).numpy().astype(np.uint8)
        return Segmented(ClassMap(self.classes.names, self.classes.palette, labels))

    def reset(self) -> None:
        """Forget everything: the next frame is a first frame."""
        self._before = None
        if self._streamed is not None:
            self._streamed.reset()

    def state_dict(self) -> dict[str, Any]:
        """All that is remembered of the video, as plain data and arrays."""
        return {} if self._streamed is None else self._streamed.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where another one was when its `state_dict()` was `state`; raises VistreamError where it is not of
        this network."""
        self.reset()
        if self._streamed is not None:
            self._streamed.load_state_dict(state)


def classes_of(network: Spike2Former) -> ClassSet:
    """What a network can tell apart, with COCO's own numbers where the classes are COCO's."""
    coco = class_set("coco-panoptic")
    numbers = coco.numbers if network.classes == coco.names else tuple(range(len(network.classes)))
    return ClassSet(network.classes, network.palette, network.things, numbers)


def as_segmented(found: Panoptic, classes: ClassSet) -> Segmented:
    """Segments numbered from 1, in the order in which they were found, and the class of every pixel."""
    numbers = found.ids.numpy()
    things = classes.things or (False,) * len(classes)
    ids = np.zeros(numbers.shape, np.int32)
    labels = np.full(numbers.shape, VOID, np.uint8)
    segments: list[Segment] = []
    for segment in found.segments:
        mask = numbers == segment.id
        if not mask.any():  # others own all of its pixels
            continue
        identity = len(segments) + 1
        ids[mask], labels[mask] = identity, segment.label
        x, y, w, h = cv2.boundingRect(mask.view(np.uint8))
        box: Box = (float(x), float(y), float(w), float(h))
        name, thing = classes.names[segment.label], things[segment.label]
        segments.append(Segment(identity, name, thing, segment.score, int(np.count_nonzero(mask)), box))
    return Segmented(ClassMap(classes.names, classes.palette, labels, ids), tuple(segments))
