"""A network with what belongs to it: class names, colours, how pictures go in and scores come out."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.models.classes import ClassSet, class_set
from vistream.models.resnet import MEAN, STD
from vistream.models.spike2former.network import Network
from vistream.models.spike2former.profile import Profile
from vistream.models.spike2former.scores import semantic
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
        height, width = self.profile.fit.resized(*frame.shape[:2])
        small = cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR)
        normal = (small.astype(np.float32) - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
        tall, wide = self.profile.fit.padded(height, width)
        image = np.zeros((1, 3, tall, wide), np.float32)
        image[0, :, :height, :width] = normal.transpose(2, 0, 1)
        return torch.from_numpy(image)

    @torch.no_grad()
    def scores(self, frame: Frame) -> Tensor:
        """Class scores of a frame, float32 `[N, H, W]`; its class map is their argmax over N."""
        image = self.preprocess(frame).to(self.decode_head.w.device)
        height, width = frame.shape[:2]
        inside = self.profile.fit.resized(height, width)
        classes, masks = self(image)
        return semantic(classes, masks, (height, width), (image.shape[2], image.shape[3]), inside, len(self.classes))

    @torch.no_grad()
    def segments(self, frame: Frame) -> Panoptic:
        """Things and stuff of a frame; ValueError where the network's classes know no instances."""
        if self.things is None:
            raise ValueError("no class of this network is a thing")
        image = self.preprocess(frame).to(self.decode_head.w.device)
        height, width = frame.shape[:2]
        inside = self.profile.fit.resized(height, width)
        classes, masks = self(image)
        return panoptic(classes, masks, (height, width), self.things, (image.shape[2], image.shape[3]), inside)


def _numbered(count: int) -> ClassSet:
    """For a network whose classes nobody named: numbers, and colours spread over the circle of hues."""
    hues = (np.arange(count) * 0.618034) % 1
    wheel = np.abs((hues[:, None] + np.array([0, 2 / 3, 1 / 3])) % 1 * 6 - 3) - 1
    palette = (60 + 180 * np.clip(wheel, 0, 1)).astype(np.uint8)
    return ClassSet(tuple(f"class {number}" for number in range(count)), palette, None, tuple(range(count)))
