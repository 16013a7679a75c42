"""How much boxes and masks overlap: intersection over union, and intersection over one's own area.

Boxes are (x, y, w, h); masks are COCO run-length codes and are measured by `pycocotools`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from vistream.media.formats.rle import Rle

Array = NDArray[np.float64]


def box_iou(a: Array, b: Array) -> Array:
    """IoU of every box of `a` `[N, 4]` with every box of `b` `[M, 4]`: `[N, M]`, 0..1.

    The arithmetic goes through corners, as TrackEval's does, so that an overlap of exactly one half falls
    on the same side of the threshold. A box without area overlaps nothing.

    >>> others = np.array([[0.0, 0, 10, 5], [5, 5, 10, 10], [20, 20, 5, 5]])
    >>> box_iou(np.array([[0.0, 0, 10, 10]]), others).round(4)
    array([[0.5   , 0.1429, 0.    ]])
    """
    a, b = _corners(a)[:, None], _corners(b)[None]
    return _corner_iou(a, b)


def box_cover(a: Array, b: Array) -> Array:
    """The share of each box of `a` `[N, 4]` that lies inside each box of `b` `[M, 4]`: `[N, M]`, 0..1.

    >>> box_cover(np.array([[0.0, 0, 10, 10]]), np.array([[5.0, 0, 50, 50]]))
    array([[0.5]])
    """
    first, second = _corners(a)[:, None], _corners(b)[None]
    low, high = np.maximum(first[..., :2], second[..., :2]), np.minimum(first[..., 2:], second[..., 2:])
    area = np.prod(a[:, 2:], axis=-1)[:, None]
    share: Array = np.prod(np.maximum(high - low, 0.0), axis=-1) / np.where(area > 0, area, 1.0)
    return share


def paired_box_iou(a: Array, b: Array) -> Array:
    """IoU of box `i` of `a` with box `i` of `b`, both `[N, 4]`: `[N]`.

    >>> paired_box_iou(np.array([[0.0, 0, 4, 4], [0, 0, 4, 4]]), np.array([[0.0, 0, 4, 2], [9, 9, 1, 1]]))
    array([0.5, 0. ])
    """
    return _corner_iou(_corners(a), _corners(b))


def _corners(boxes: Array) -> Array:
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def _corner_iou(a: Array, b: Array) -> Array:
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    shared = np.prod(np.maximum(high - low, 0.0), axis=-1)
    area_a, area_b = (np.prod(box[..., 2:] - box[..., :2], axis=-1) for box in (a, b))
    union = area_a + area_b - shared
    real = (area_a > 0) & (area_b > 0) & (union > 0)
    return np.where(real, shared, 0.0) / np.where(real, union, 1.0)


def mask_iou(a: Sequence[Rle], b: Sequence[Rle]) -> Array:
    """IoU of every mask of `a` with every mask of `b`: `[N, M]`, 0..1. All masks have one size.

    >>> from vistream.media.formats.rle import encode
    >>> left, all_of_it = np.zeros((2, 4), bool), np.ones((2, 4), bool)
    >>> left[:, :1] = True
    >>> mask_iou([encode(left)], [encode(all_of_it), encode(left)])
    array([[0.25, 1.  ]])
    """
    return _measure(a, b, own_area=False)


def mask_cover(a: Sequence[Rle], b: Sequence[Rle]) -> Array:
    """The share of each mask of `a` that lies inside each mask of `b`: `[N, M]`, 0..1.

    >>> from vistream.media.formats.rle import encode
    >>> left, all_of_it = np.zeros((2, 4), bool), np.ones((2, 4), bool)
    >>> left[:, :1] = True
    >>> mask_cover([encode(left), encode(all_of_it)], [encode(left)]).ravel()
    array([1.  , 0.25])
    """
    return _measure(a, b, own_area=True)


def _measure(a: Sequence[Rle], b: Sequence[Rle], own_area: bool) -> Array:
    if not a or not b:  # pycocotools answers an empty list with a list
        return np.zeros((len(a), len(b)))
    overlap = coco_mask.iou(list(a), list(b), [own_area] * len(b))
    return np.asarray(overlap, dtype=np.float64).reshape(len(a), len(b))
