"""What the heads of the DETR family mean: a fixed number of queries, each a box in shares of the input, and scores.

Both functions return corners `[Q, 4]` as (x1, y1, x2, y2) in the network's input and scores `[Q, C]` in 0..1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vistream.detect.yolo import Floats, Output, corners_from_centres


def in_pixels(boxes: Floats, width: int, height: int) -> Floats:
    """(centre x, centre y, w, h) in 0..1 to corners in pixels."""
    return corners_from_centres(boxes * np.array([width, height, width, height]))


def boxes_and_logits(outputs: Sequence[Output]) -> tuple[Floats, Floats]:
    """The output with four columns, and the other one, both without batch axis."""
    arrays: list[NDArray[np.float64]] = [output.reshape(output.shape[-2:]).astype(np.float64) for output in outputs]
    boxes = next(array for array in arrays if array.shape[1] == 4)
    logits = next(array for array in arrays if array is not boxes)
    return boxes, logits


def decode_detr(outputs: Sequence[Output], width: int, height: int) -> tuple[Floats, Floats]:
    """Boxes `[Q, 4]` and logits `[Q, C + 1]`, softmax, "no object" last (Carion et al., ECCV 2020)."""
    boxes, logits = boxes_and_logits(outputs)
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return in_pixels(boxes, width, height), (weights / weights.sum(1, keepdims=True))[:, :-1]


def decode_rtdetr(outputs: Sequence[Output], width: int, height: int) -> tuple[Floats, Floats]:
    """Boxes `[Q, 4]` and logits `[Q, C]`, sigmoid; or one output `[Q, 4 + C]` that has had it already.

    RT-DETR (Zhao et al., CVPR 2024), and others with one sigmoid for each class.
    """
    if len(outputs) == 1:
        rows = outputs[0].reshape(outputs[0].shape[-2:]).astype(np.float64)
        return in_pixels(rows[:, :4], width, height), rows[:, 4:]
    boxes, logits = boxes_and_logits(outputs)
    return in_pixels(boxes, width, height), 1 / (1 + np.exp(-logits))
