"""Semantic segmentation: mean IoU over classes, accuracies, frequency-weighted IoU, from a confusion matrix.

Source: Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation", CVPR 2015,
section 5. Classes that neither the ground truth nor the prediction has are left out of means, as in mmsegmentation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Labels = NDArray[np.integer]


def confusion(gt: Labels, pred: Labels, classes: int, void: Sequence[int] = (255,)) -> Counts:
    """Pixels of class `i` (row) that were labelled `j` (column): `[classes, classes + 1]`.

    `gt` and `pred` are label maps of one shape. Pixels of the ground truth labelled `void` are not counted;
    the last column takes predictions that are no class. Add the matrices of many frames, then call
    `segmentation_row`. Raises ValueError where shapes differ, or the ground truth has a label that is
    neither a class nor void.

    >>> confusion(np.array([0, 0, 1, 255]), np.array([0, 1, 1, 0]), classes=2).tolist()
    [[1, 1, 0], [0, 1, 0]]
    """
    if gt.shape != pred.shape:
        raise ValueError(f"{pred.shape} predicted, {gt.shape} in the ground truth")
    scored = ~np.isin(gt, void)
    expected, guess = gt[scored].astype(np.int64), pred[scored].astype(np.int64)
    if expected.size and not 0 <= expected.min() <= expected.max() < classes:
        raise ValueError(f"labels {expected.min()} to {expected.max()} in the ground truth, {classes} classes")
    guess = np.where((guess >= 0) & (guess < classes), guess, classes)
    cells = np.bincount(expected * (classes + 1) + guess, minlength=classes * (classes + 1))
    return np.asarray(cells.reshape(classes, classes + 1), dtype=np.int64)


def class_iou(counts: Counts) -> NDArray[np.float64]:
    """IoU of each class, `[classes]`; NaN for a class that is neither there nor predicted.

    >>> class_iou(np.array([[1, 1, 0], [0, 1, 0]]))
    array([0.5, 0.5])
    """
    right = np.diag(counts).astype(np.float64)
    union = counts.sum(axis=1) + counts.sum(axis=0)[:-1] - right
    return np.asarray(np.divide(right, union, out=np.full_like(right, np.nan), where=union > 0))


def class_accuracy(counts: Counts) -> NDArray[np.float64]:
    """The share of each class's pixels that were labelled so, `[classes]`; NaN for a class that is not there.

    >>> class_accuracy(np.array([[1, 1, 0], [0, 1, 0]]))
    array([0.5, 1. ])
    """
    right, there = np.diag(counts).astype(np.float64), counts.sum(axis=1)
    return np.asarray(np.divide(right, there, out=np.full_like(right, np.nan), where=there > 0))


def segmentation_row(counts: Counts) -> dict[str, float]:
    """The figures of a results table, all 0..1: means are over the classes that occur, `FW IoU` weighs each class's
    IoU with its share of the scored pixels.

    >>> segmentation_row(np.array([[2, 2, 0], [0, 4, 0]]))  # IoU 2/4 and 4/6; 6 of 8 pixels
    {'mIoU': 0.5833333333333333, 'Pixel accuracy': 0.75, 'Mean accuracy': 0.75, 'FW IoU': 0.5833333333333333}
    """
    if not counts.sum():
        raise ValueError("no pixel is scored")
    iou, share = class_iou(counts), counts.sum(axis=1) / counts.sum()
    return {
        "mIoU": float(np.nanmean(iou)),
        "Pixel accuracy": float(np.diag(counts).sum() / counts.sum()),
        "Mean accuracy": float(np.nanmean(class_accuracy(counts))),
        "FW IoU": float(np.nansum(share * iou)),
    }


def class_rows(counts: Counts, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """IoU, accuracy and share of the scored pixels of every class that occurs, by name.

    >>> class_rows(np.array([[2, 2, 0], [0, 4, 0]]), ("road", "sky"))["road"]
    {'IoU': 0.5, 'Accuracy': 0.5, 'Pixels': 0.5}
    """
    iou, accuracy, share = class_iou(counts), class_accuracy(counts), counts.sum(axis=1) / counts.sum()
    rows = zip(names, iou.tolist(), accuracy.tolist(), share.tolist(), strict=True)
    return {name: {"IoU": i, "Accuracy": a, "Pixels": s} for name, i, a, s in rows if not np.isnan(i)}
