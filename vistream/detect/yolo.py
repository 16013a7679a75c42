"""What the heads of the YOLO family mean: rows of numbers to boxes and scores.

Every function takes a network's output without its batch axis and returns corners `[N, 4]` as (x1, y1, x2, y2)
in the network's input and scores `[N, C]` in 0..1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Output = NDArray[np.float32]

STRIDES = (8, 16, 32)


def cells(width: int, height: int) -> int:
    """How many cells the three levels have together.

    >>> cells(640, 640)
    8400
    """
    return sum((width // stride) * (height // stride) for stride in STRIDES)


def corners_from_centres(boxes: Floats) -> Floats:
    """(centre x, centre y, width, height) to (x1, y1, x2, y2).

    >>> corners_from_centres(np.array([[10.0, 10.0, 4.0, 6.0]]))
    array([[ 8.,  7., 12., 13.]])
    """
    return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], 1)


def decode_yolox(output: Output, width: int, height: int) -> tuple[Floats, Floats]:
    """`[cells, 5 + C]` of an undecoded YOLOX head (Ge et al., arXiv 2107.08430).

    A row is (x, y, w, h, objectness, class scores), over the cells of strides 8, 16, 32: the centre is (x, y) +
    cell, the size exp(w, h), both in strides; a score is objectness times class score.
    """
    rows = output.astype(np.float64)
    grids, steps = [], []
    for stride in STRIDES:
        y, x = np.divmod(np.arange((width // stride) * (height // stride)), width // stride)
        grids.append(np.stack([x, y], 1))
        steps.append(np.full((len(x), 1), stride))
    step = np.concatenate(steps)
    centres = (rows[:, :2] + np.concatenate(grids)) * step
    boxes = np.concatenate([centres, np.exp(rows[:, 2:4]) * step], 1)
    return corners_from_centres(boxes), rows[:, 4:5] * rows[:, 5:]


def decode_yolov5(output: Output) -> tuple[Floats, Floats]:
    """`[N, 5 + C]`: (centre x, centre y, w, h) in pixels, objectness, class scores."""
    rows = output.astype(np.float64)
    return corners_from_centres(rows[:, :4]), rows[:, 4:5] * rows[:, 5:]


def decode_yolov8(output: Output) -> tuple[Floats, Floats]:
    """`[4 + C, N]`, or the same transposed: (centre x, centre y, w, h) in pixels, class scores."""
    rows = (output.T if output.shape[0] < output.shape[1] else output).astype(np.float64)
    return corners_from_centres(rows[:, :4]), rows[:, 4:]


def decode_yolov10(output: Output, classes: int) -> tuple[Floats, Floats]:
    """`[N, 6]`: (x1, y1, x2, y2) in pixels, score, class number; near-duplicates are gone already."""
    rows = output.astype(np.float64)
    scores = np.zeros((len(rows), classes))
    numbers = rows[:, 5].astype(np.intp)
    valid = np.flatnonzero((numbers >= 0) & (numbers < classes))
    scores[valid, numbers[valid]] = rows[valid, 4]
    return rows[:, :4], scores
