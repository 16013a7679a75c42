"""From queries to segments: stuff and things for a panoptic map, and scored instances.

The rules are those of mmdetection 3.1.0's fusion head, on which the published panoptic code builds.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from vistream.models.spike2former.scores import Size

LEAST_SCORE = 0.8
LEAST_SHARE = 0.8  # of a query's own mask that it must win
INSTANCE = 1000  # a thing's number is its class + 1000 * k


@dataclass(frozen=True, slots=True)
class Segment:
    """`id`: of its pixels in the map; `label`: class number; `score`: 0..1; `query`: which one it comes from."""

    id: int
    label: int
    score: float
    query: int


@dataclass(frozen=True, slots=True, eq=False)
class Panoptic:
    """`ids`: int32 `[H, W]`, the class of stuff, class + 1000 k (k from 1) of things, N (void) elsewhere."""

    ids: Tensor
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Instances:
    """Best first. `masks`: bool `[K, H, W]`; `boxes`: `[K, 4]`, left, top, right, bottom, the last two exclusive."""

    scores: Tensor
    labels: Tensor
    masks: Tensor
    boxes: Tensor


def placed(mask_logits: Tensor, size: Size, padded: Size | None = None, inside: Size | None = None) -> Tensor:
    """Mask logits `[1, Q, h, w]` at the picture's size, `[Q, H, W]`; `padded`, `inside` as in `semantic`."""
    padded = padded or size
    logits = functional.interpolate(mask_logits, padded, mode="bilinear", align_corners=False)
    height, width = inside or padded
    logits = logits[..., :height, :width]
    if (height, width) != tuple(size):
        logits = functional.interpolate(logits, size, mode="bilinear", align_corners=False)
    return logits[0]


def panoptic(
    class_logits: Tensor,
    mask_logits: Tensor,
    size: Size,
    things: tuple[bool, ...],
    padded: Size | None = None,
    inside: Size | None = None,
    *,
    filter_low: bool = True,
) -> Panoptic:
    """Segments of one picture, each pixel owned by the query that scores highest there.

    class_logits `[1, Q, N + 1]`, mask_logits `[1, Q, h, w]`. A query counts if its class scores above 0.8, and if it
    owns at least 0.8 of its own mask. `filter_low`: of what a query owns, only its own mask is drawn.
    """
    void = len(things)
    score, label = class_logits[0].softmax(-1).max(-1)
    kept = torch.nonzero((label != void) & (score > LEAST_SCORE))[:, 0]
    ids = torch.full(size, void, dtype=torch.int32)
    if not len(kept):
        return Panoptic(ids, ())
    masks = placed(mask_logits[:, kept], size, padded, inside).sigmoid()
    owner = (score[kept].view(-1, 1, 1) * masks).argmax(0)
    segments: dict[int, Segment] = {}
    for index, query in enumerate(kept.tolist()):
        owned, own = owner == index, masks[index] >= 0.5
        area, original = int(owned.sum()), int(own.sum())
        if not area or not original or area / original < LEAST_SHARE:
            continue
        number = int(label[query])
        if things[number]:
            number += INSTANCE * (1 + sum(things[segment.label] for segment in segments.values()))
        ids[owned & own if filter_low else owned] = number
        segments.setdefault(number, Segment(number, int(label[query]), float(score[query]), query))
    return Panoptic(ids, tuple(segments.values()))


def instances(
    class_logits: Tensor,
    mask_logits: Tensor,
    size: Size,
    things: tuple[bool, ...],
    padded: Size | None = None,
    inside: Size | None = None,
    most: int = 100,
) -> Instances:
    """Things of one picture: of the `most` best pairs of query and class, those that are things.

    A score is that of the class times the mean of the mask where it is above 1/2. Arguments as in `panoptic`.
    """
    shares = class_logits[0].softmax(-1)[:, :-1].flatten()
    best, place = shares.topk(min(most, len(shares)), sorted=False)
    label = place % len(things)
    chosen = torch.tensor(things)[label]
    best, label, query = best[chosen], label[chosen], (place // len(things))[chosen]
    logits = placed(mask_logits[:, query], size, padded, inside)
    masks = logits > 0
    inner = (logits.sigmoid() * masks).flatten(1).sum(1) / (masks.flatten(1).sum(1) + 1e-6)
    order = torch.argsort(best * inner, descending=True, stable=True)
    masks = masks[order]
    return Instances((best * inner)[order], label[order], masks, _boxes(masks))


def _boxes(masks: Tensor) -> Tensor:
    """Tight boxes; zeros of empty masks."""
    boxes = torch.zeros(len(masks), 4)
    columns, rows = masks.any(1), masks.any(2)
    for number, (x, y) in enumerate(zip(columns, rows, strict=True)):
        if bool(x.any()):
            xs, ys = torch.nonzero(x)[:, 0], torch.nonzero(y)[:, 0]
            boxes[number] = torch.tensor([int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1])
    return boxes
