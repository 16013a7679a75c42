"""One video being segmented, frame by frame, online: frames in, class maps and segments out."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vistream.models.classes import VOID, ClassSet, class_set
from vistream.models.spike2former import Panoptic, Spike2Former
from vistream.segment.inference import Inference, class_scores
from vistream.types import Box, ClassMap, Frame, Result, Segment


@dataclass(frozen=True, slots=True)
class Segmented:
    """What one frame shows; `segments` of the task panoptic."""

    class_map: ClassMap
    segments: tuple[Segment, ...] = ()

    def result(self, index: int, time: float) -> Result:
        """As the result of a frame without tracks."""
        shares = self.class_map.shares()
        return Result(index, time, (), 0, class_map=self.class_map, shares=shares, segments=self.segments)


class Segmenter:
    """Segments frames with a float network, whole; what came before does not matter.

    `task`: semseg (classes) or panoptic (classes and things).
    """

    def __init__(self, network: Spike2Former, task: str = "semseg", how: Inference | None = None) -> None:
        self.network, self.task = network, task
        self.classes = classes_of(network)
        self._how = how or Inference()

    def step(self, frame: Frame) -> Segmented:
        """Take the next frame, uint8 `[H, W, 3]`, RGB."""
        if self.task == "panoptic":
            return as_segmented(self.network.segments(frame), self.classes)
        scores = class_scores(self.network, frame, self._how)
        labels = scores.argmax(0).numpy().astype(np.uint8)
        return Segmented(ClassMap(self.classes.names, self.classes.palette, labels))


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
