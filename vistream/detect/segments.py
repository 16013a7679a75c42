"""Objects from a panoptic network: its things, as masks with classes."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from vistream.detect.selection import Selection
from vistream.errors import VistreamError
from vistream.models.spike2former import load
from vistream.types import Frame, Observations


class SegmentDetector:
    """Things that a Spike2Former sees; masks of a frame never overlap. `model`: a name or a file of weights.

    A segment's score already passed the network's own threshold, so `selection` chooses classes only, unless it names a
    threshold. Raises VistreamError where the network has no things, or does not know a class.
    """

    def __init__(self, model: str, selection: Selection) -> None:
        self.name = model
        self._network = load(model)
        if self._network.things is None:
            raise VistreamError(f"{model} knows classes but no things: a detector needs a panoptic network")
        self._things = self._network.things
        names = zip(self._network.classes, self._things, strict=True)
        self.labels = tuple(name for name, thing in names if thing)
        self._selection = selection.checked(model, self.labels)

    def describe(self) -> str:
        chosen = replace(self._selection, threshold=self._selection.threshold or 0.0)
        return f"detector {self.name} (panoptic network in float, whole frames): {chosen}"

    def detect(self, frame: Frame, index: int) -> Observations:
        """The things of one frame, the best first."""
        found = self._network.segments(frame)
        ids = found.ids.numpy()
        least = self._selection.threshold or 0.0
        things = [s for s in found.segments if self._things[s.label] and s.score > least]
        chosen = [s for s in things if self._selection.wants(self._network.classes[s.label]) and (ids == s.id).any()]
        chosen.sort(key=lambda segment: -segment.score)
        if not chosen:
            return Observations.none()
        masks = np.array([ids == segment.id for segment in chosen])
        boxes = np.array([cv2.boundingRect(mask.view(np.uint8)) for mask in masks], np.float64)
        labels = tuple(self._network.classes[segment.label] for segment in chosen)
        return Observations(boxes, np.array([segment.score for segment in chosen]), labels, masks)

    def reset(self) -> None:
        """Nothing is remembered: every frame is segmented afresh."""
