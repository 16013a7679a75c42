"""How boxes stand in each other's way: what one has to itself, what others claim of it, what lies outside the frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CLAIMED = 0.3  # share of a detection that a track which was not matched may claim before the detection is in doubt
DOUBT = 9.0  # by how much its noise grows where all of it is claimed, and that of a weak detection
_TINY = 1e-9


def intersection(a: Array, b: Array) -> Array:
    """The area that boxes (x, y, w, h) `[N, 4]` and `[M, 4]` have in common: `[N, M]`."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    sides = np.maximum(high - low, 0.0)
    return np.asarray(sides[:, :, 0] * sides[:, :, 1])


def areas(boxes: Array) -> Array:
    """Of boxes (x, y, w, h) `[N, 4]`, in square pixels: `[N]`."""
    return np.asarray(boxes[:, 2] * boxes[:, 3])


def apart(boxes: Array, counted: NDArray[np.bool_]) -> Array:
    """The share of each box, `[N]`, that the one other box that covers most of it leaves free.

    `counted`: which boxes cover others, bool `[N]`.

    >>> boxes = np.array([[0.0, 0, 10, 10], [5, 0, 20, 10], [50, 0, 5, 5]])
    >>> apart(boxes, np.array([True, True, True])), apart(boxes, np.array([True, False, True]))
    (array([0.5 , 0.75, 1.  ]), array([1.  , 0.75, 1.  ]))
    """
    if len(boxes) < 2:
        return np.ones(len(boxes))
    shared = intersection(boxes, boxes) * counted
    np.fill_diagonal(shared, 0.0)
    return np.asarray(1.0 - shared.max(axis=1) / np.maximum(areas(boxes), _TINY))


def covered(boxes: Array, by: Array) -> Array:
    """The largest share of each box, `[N]`, that one box of `by` covers.

    >>> covered(np.array([[0.0, 0, 10, 10], [50, 0, 5, 5]]), np.array([[0.0, 0, 5, 10], [-9, 0, 10, 10]]))
    array([0.5, 0. ])
    """
    if not len(boxes) or not len(by):
        return np.zeros(len(boxes))
    return np.asarray(intersection(boxes, by).max(axis=1) / np.maximum(areas(boxes), _TINY))


def claimed(boxes: Array, by: Array) -> Array:
    """The largest share of each box, or of the one that claims it if that is smaller, that one box of `by` covers.

    >>> claimed(np.array([[0.0, 0, 10, 10], [50, 0, 5, 5]]), np.array([[0.0, 0, 5, 10]]))
    array([1., 0.])
    """
    if not len(boxes) or not len(by):
        return np.zeros(len(boxes))
    smaller = np.minimum(areas(boxes)[:, None], areas(by)[None])
    return np.asarray((intersection(boxes, by) / np.maximum(smaller, _TINY)).max(axis=1))


def doubt(boxes: Array, strong: NDArray[np.bool_], missing: Array) -> Array:
    """By how much the noise of each detection grows, `[N]`, from 1: of a box around two, and of a weak one.

    A box that a `missing` track claims as well may be around both objects and fits neither; one that is not `strong`
    is often of a part.

    >>> boxes = np.array([[0.0, 0, 10, 10], [50, 0, 5, 5], [90, 0, 5, 5]])
    >>> doubt(boxes, np.array([True, True, False]), np.array([[0.0, 0, 5, 10]]))
    array([9., 1., 9.])
    """
    shared = np.clip((claimed(boxes, missing) - CLAIMED) / (1.0 - CLAIMED), 0.0, 1.0)
    return np.asarray(1.0 + (DOUBT - 1.0) * np.where(strong, shared, 1.0))


def outside(boxes: Array, size: tuple[float, float]) -> Array:
    """The share of each box, `[N]`, that lies outside a frame of `size` (width, height).

    >>> outside(np.array([[-5.0, 0, 10, 10], [0, 0, 4, 4]]), (20, 20))
    array([0.5, 0. ])
    """
    inside = intersection(boxes, np.array([[0.0, 0.0, *size]]))[:, 0]
    return np.asarray(1.0 - inside / np.maximum(areas(boxes), _TINY))
