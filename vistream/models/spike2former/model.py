"""A network with what belongs to it: class names, colours, how pictures go in and scores come out."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.models.classes import ClassSet, class_set
from vistream.models.resnet import MEAN, STD
from vistream.models.spike2former.integer import BLANK
from vistream.models.spike2former.network import Network
from vistream.models.spike2former.profile import Profile
from vistream.models.spike2former.scores import Size, semantic
from vistream.models.spike2former.segments import Panoptic, panoptic
from vistream.models.spike2former.sizes import Sizes
from vistream.types import Frame


class Spike2Former(Network):
    """Forward: `[1, 3, h, w]` from `preprocess` to class scores `[1, Q, N + 1]` and mask logits `[1, Q, h/2, w/2]`.

    `classes`, `palette` (uint8 RGB `[N, 3]`) and `things` (None: no instances) describe the classes in use. `notes`:
    what a user should know about the weights, a line each. `sha256`: of their file.
    """

    def __init__(self, sizes: Sizes, profile: Profile) -> None:
        super().__init__(sizes, profile.backbone, profile.head)
        self.profile = profile
        self.class_set = class_set(profile.labels) if profile.labels else _numbered(sizes.classes)
        self.notes: tuple[str, ...] = ()
        self.sha256 = ""

    @property
    def classes(self) -> tuple[str, ...]:
        return self.class_set.names

    @property
    def palette(self) -> NDArray[np.uint8]:
        return self.class_set.palette

    @property
    def things(self) -> tuple[bool, ...] | None:
        return self.class_set.things

    def preprocess(self, frame: Frame) -> Tensor:
        """A frame, uint8 RGB `[H, W, 3]`, as float32 `[1, 3, h, w]`: resized, normalised, padded with 0."""
        small = self._resized(frame)
        height, width = small.shape[:2]
        normal = (small.astype(np.float32) - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
        tall, wide = self.profile.fit.padded(height, width)
        image = np.zeros((1, 3, tall, wide), np.float32)
        image[0, :, :height, :width] = normal.transpose(2, 0, 1)
        return torch.from_numpy(image)

    def fitted(self, frame: Frame) -> Frame:
        """The same before it is normalised, uint8 `[h, w, 3]`, as the integer form takes it: padded with `BLANK`."""
        small = self._resized(frame)
        height, width = small.shape[:2]
        tall, wide = self.profile.fit.padded(height, width)
        if (tall, wide) == (height, width):
            return small
        whole = np.empty((tall, wide, 3), np.uint8)
        whole[:] = BLANK
        whole[:height, :width] = small
        return whole

    def _resized(self, frame: Frame) -> Frame:
        height, width = self.profile.fit.resized(*frame.shape[:2])
        return np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)

    @torch.no_grad()
    def scores(self, frame: Frame) -> Tensor:
        """Class scores of a frame, float32 `[N, H, W]`; its class map is their argmax over N."""
        return self.scored(*self._run(frame), frame)

    @torch.no_grad()
    def segments(self, frame: Frame) -> Panoptic:
        """Things and stuff of a frame; ValueError where the network's classes know no instances."""
        if self.things is None:
            raise ValueError("no class of this network is a thing")
        return self.segmented(*self._run(frame), frame)

    def _run(self, frame: Frame) -> tuple[Tensor, Tensor]:
        image = self.preprocess(frame).to(self.decode_head.w.device)
        found: tuple[Tensor, Tensor] = self(image)
        return found

    def scored(self, classes: Tensor, masks: Tensor, frame: Frame) -> Tensor:
        """The class scores that the network's outputs, as `forward` gives them, come to for `frame`."""
        size, padded, inside = self._sizes(frame)
        return semantic(classes, masks, size, padded, inside, len(self.classes))

    def segmented(self, classes: Tensor, masks: Tensor, frame: Frame) -> Panoptic:
        """The segments that they come to; the network knows things."""
        assert self.things is not None
        size, padded, inside = self._sizes(frame)
        return panoptic(classes, masks, size, self.things, padded, inside)

    def _sizes(self, frame: Frame) -> tuple[Size, Size, Size]:
        """Rows and columns of a frame, of what the network takes, and of its part that is not padding."""
        size = (frame.shape[0], frame.shape[1])
        inside = self.profile.fit.resized(*size)
        return size, self.profile.fit.padded(*inside), inside


def _numbered(count: int) -> ClassSet:
    """For a network whose classes nobody named: numbers, and colours spread over the circle of hues."""
    hues = (np.arange(count) * 0.618034) % 1
    wheel = np.abs((hues[:, None] + np.array([0, 2 / 3, 1 / 3])) % 1 * 6 - 3) - 1
    palette = (60 + 180 * np.clip(wheel, 0, 1)).astype(np.uint8)
    return ClassSet(tuple(f"class {number}" for number in range(count)), palette, None, tuple(range(count)))
