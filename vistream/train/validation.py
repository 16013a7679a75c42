"""How good a network is on pictures it does not train on: whole pictures, at their own size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.evaluate.metrics.panoptic import PanopticCounts, PanopticSegment, class_quality, panoptic_counts
from vistream.evaluate.metrics.segmentation import class_iou, confusion
from vistream.media.formats.panoptic import read_ids
from vistream.media.video.images import read_image
from vistream.models.spike2former.model import Spike2Former
from vistream.segment.segmenter import as_segmented, classes_of
from vistream.train.config import TrainConfig
from vistream.train.pairs import Pair, labels_of, read_pair

Asking = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Validation:
    """IoU, or PQ where there are things, 0..1: the mean over classes that occur, and of each of those."""

    mean: float
    by_class: dict[str, float]


class _Stopped(Exception):
    """It is not wanted any more."""


def never() -> bool:
    """For what is not to be stopped."""
    return False


def validate(
    model: Spike2Former, pairs: tuple[Pair, ...], config: TrainConfig, stopped: Asking = never
) -> Validation | None:
    """`model` in eval mode, on its own device; None where it was `stopped`, which is asked before each picture.

    Raises VistreamError where there is nothing to score.
    """
    wanted = _until(pairs, stopped)
    try:
        values = _panoptic_quality(model, wanted) if config.task == "panoptic" else _iou(model, wanted, config)
    except _Stopped:
        return None
    named = {name: float(value) for name, value in zip(model.classes, values, strict=True) if not np.isnan(value)}
    if not named:
        raise VistreamError(f"{pairs[0].labels} and the other maps to validate on: no pixel of them is of a class")
    return Validation(float(np.mean(list(named.values()))), named)


def _until(pairs: Iterable[Pair], stopped: Asking) -> Iterator[Pair]:
    for pair in pairs:
        if stopped():
            raise _Stopped
        yield pair


def _iou(model: Spike2Former, pairs: Iterable[Pair], config: TrainConfig) -> NDArray[np.float64]:
    count = len(model.classes)
    counts = np.zeros((count, count + 1), np.int64)
    for pair in pairs:
        image, labels = read_pair(pair, config.data)
        counts += confusion(labels, model.scores(image).argmax(0).cpu().numpy(), count)
    return class_iou(counts)


def _panoptic_quality(model: Spike2Former, pairs: Iterable[Pair]) -> NDArray[np.float64]:
    classes = classes_of(model)
    counts = PanopticCounts.none(len(classes))
    for pair in pairs:
        labels = labels_of(pair, classes)
        true = [PanopticSegment(part.id, labels[part.id], part.crowd) for part in pair.segments or ()]
        found = as_segmented(model.segments(read_image(pair.image)), classes)
        guessed = [PanopticSegment(part.id, classes.names.index(part.label)) for part in found.segments]
        assert found.class_map.ids is not None
        counts += panoptic_counts(read_ids(pair.labels), found.class_map.ids, true, guessed, len(classes))
    return class_quality(counts)["PQ"]
