"""How a network is applied to a frame: to the whole of it, or window by window; once, or at many sizes and mirrored.

As mmsegmentation evaluates: windows of the frame as the network's own resizing leaves it, their scores averaged where
they overlap; at other sizes and mirrored, the mean of the scores at the frame's size.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vistream.models.spike2former import Spike2Former, semantic
from vistream.types import Frame

SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
"""Sizes of the published test-time augmentation, by that of plain inference."""


@dataclass(frozen=True, slots=True)
class Inference:
    """`window`: side, in pixels of the network's input, of the squares that slide over it by two thirds of that; None:
    the whole frame. `augmented`: at all `SCALES`, mirrored too.
    """

    window: int | None = None
    augmented: bool = False

    def __str__(self) -> str:
        parts = ["whole frames" if self.window is None else f"windows of {self.window}"]
        return ", ".join([*parts, *(["sizes 0.5 to 1.75, mirrored"] if self.augmented else [])])


@torch.no_grad()
def class_scores(network: Spike2Former, frame: Frame, how: Inference) -> Tensor:
    """Class scores of a frame, uint8 `[H, W, 3]`, RGB: float32 `[N, H, W]`."""
    if not how.augmented:
        return _scores(network, frame, how.window)
    total: Tensor | None = None
    for scale in SCALES:
        at = _scaled(network, scale)
        mirrored = _scores(at, np.ascontiguousarray(frame[:, ::-1]), how.window).flip(-1)
        scores = _scores(at, frame, how.window) + mirrored
        total = scores if total is None else total + scores
    assert total is not None
    return total / (2 * len(SCALES))


def _scaled(network: Spike2Former, scale: float) -> Spike2Former:
    """The same network, which takes its pictures in another size."""
    fit = network.profile.fit
    other = copy(network)
    larger = replace(fit, long=round(fit.long * scale), short=round(fit.short * scale))
    other.profile = replace(network.profile, fit=larger)
    return other


def _scores(network: Spike2Former, frame: Frame, window: int | None) -> Tensor:
    if window is None:
        return network.scores(frame)
    image = network.preprocess(frame)
    height, width = image.shape[2:]
    total, count = torch.zeros(len(network.classes), height, width), torch.zeros(height, width)
    for top in starts(height, window):
        for left in starts(width, window):
            part = image[..., top : top + window, left : left + window]
            size = (part.shape[2], part.shape[3])
            place = (slice(top, top + window), slice(left, left + window))
            classes, masks = network(part)
            total[:, place[0], place[1]] += semantic(classes, masks, size, classes=len(network.classes))
            count[place] += 1
    inside = network.profile.fit.resized(*frame.shape[:2])
    scores = (total / count)[:, : inside[0], : inside[1]]
    if inside == frame.shape[:2]:
        return scores
    return functional.interpolate(scores[None], frame.shape[:2], mode="bilinear", align_corners=False)[0]


def starts(length: int, window: int) -> list[int]:
    """Where windows begin along a side of `length` pixels; the last one ends with it.

    >>> starts(100, 60), starts(50, 60), starts(60, 60)
    ([0, 40], [0], [0])
    """
    step = max(1, window * 2 // 3)
    count = -(-max(length - window, 0) // step) + 1
    return [max(0, min(number * step, length - window)) for number in range(count)]
