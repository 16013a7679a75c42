"""How good a network is on pictures it does not train on: whole pictures, at their own size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vistream.evaluate.metrics.segmentation import class_iou, confusion
from vistream.models.spike2former.model import Spike2Former
from vistream.train.config import TrainConfig
from vistream.train.data import Pair, read_pair


@dataclass(frozen=True, slots=True)
class Validation:
    """IoU, 0..1: the mean over classes that occur, and of each of those."""

    mean: float
    by_class: dict[str, float]


def validate(model: Spike2Former, pairs: tuple[Pair, ...], config: TrainConfig) -> Validation:
    """`model` in eval mode, on its own device."""
    count = len(model.classes)
    counts = np.zeros((count, count + 1), np.int64)
    for pair in pairs:
        image, labels = read_pair(pair, config)
        counts += confusion(labels, model.scores(image).argmax(0).cpu().numpy(), count)
    iou = class_iou(counts)
    named = {name: float(value) for name, value in zip(model.classes, iou, strict=True) if not np.isnan(value)}
    return Validation(float(np.nanmean(iou)), named)
