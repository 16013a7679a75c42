"""One-to-one assignment under a cost limit, and box overlap, the plainest cost there is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from vistream.tracking.crowding import areas, intersection

Array = NDArray[np.float64]
Pairs = list[tuple[int, int]]


def iou(a: Array, b: Array) -> Array:
    """Intersection over union of boxes (x, y, w, h) `[N, 4]` and `[M, 4]`: `[N, M]`, in 0..1.

    >>> iou(np.array([[0.0, 0, 10, 10]]), np.array([[5.0, 0, 10, 10], [20, 0, 1, 1]])).round(3)
    array([[0.333, 0.   ]])
    """
    shared = intersection(a, b)
    union = areas(a)[:, None] + areas(b)[None] - shared
    overlap: Array = shared / np.maximum(union, 1e-9)
    return overlap


def same_label(a: Sequence[str], b: Sequence[str]) -> NDArray[np.bool_]:
    """Which pairs carry one class name: bool `[N, M]`."""
    return np.array([[x == y for y in b] for x in a], dtype=bool).reshape(len(a), len(b))


def assign(cost: Array, limit: float) -> Pairs:
    """The pairs (row, column) that make the sum of `limit - cost` largest, using only pairs below the limit.

    `cost`: `[N, M]`, infinity forbids a pair. A pair is taken only where it pays, so that a hopeless pair never
    pushes a good one aside (as it may when the limit is applied after a full assignment). Rows come sorted.

    >>> assign(np.array([[0.1, 0.4], [0.2, 9.0]]), limit=0.7)
    [(0, 1), (1, 0)]
    >>> assign(np.array([[0.1, 0.4], [0.2, 9.0]]), limit=0.4)
    [(0, 0)]
    """
    gain = np.minimum(cost - limit, 0.0)
    rows, columns = linear_sum_assignment(gain)
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if gain[r, c] < 0]
