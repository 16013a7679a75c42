"""What a detector's head says of a frame before anything is selected: boxes in the network's input, with scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.detect.letterbox import Placement
from vistream.types import Observations

Floats = NDArray[np.float64]
Array = NDArray[np.float32]


class Masks(Protocol):
    """Masks of the candidates, computed for those that are asked for."""

    def logits(self, row: int) -> Array:
        """Of one candidate, `[h, w]` over the whole input: above 0 where the object is."""

    def pick(self, rows: NDArray[np.intp]) -> Masks:
        """Those of some candidates."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Row `i` of every array is one candidate.

    `corners`: `[N, 4]` as (x1, y1, x2, y2) in the network's input; `scores`: `[N]` in 0..1; `labels`: class numbers
    `[N]`; `keypoints`: `[N, K, 3]` as (x, y, confidence) in the input, or None; `masks`: or None.
    `turned`: `[N, 5]`, where the boxes are those around boxes that are turned (`vistream.detect.turned`), or None.
    """

    corners: Floats
    scores: Floats
    labels: NDArray[np.intp]
    keypoints: Floats | None = None
    masks: Masks | None = None
    turned: Floats | None = None

    def pick(self, rows: NDArray[np.intp]) -> Candidates:
        """Some of them, in that order."""
        return Candidates(
            self.corners[rows],
            self.scores[rows],
            self.labels[rows],
            None if self.keypoints is None else self.keypoints[rows],
            None if self.masks is None else self.masks.pick(rows),
            None if self.turned is None else self.turned[rows],
        )

    def __len__(self) -> int:
        return len(self.corners)


def best_class(corners: NDArray[np.floating], scores: NDArray[np.floating], least: float = -np.inf) -> Candidates:
    """Candidates from scores `[N, C]` for each class: the best class counts, and only where it scores above `least`."""
    best = scores.max(1) if scores.shape[1] else np.full(len(scores), -np.inf)
    rows = np.flatnonzero(best > least)
    labels = scores[rows].argmax(1).astype(np.intp)
    return Candidates(corners[rows].astype(np.float64), best[rows].astype(np.float64), labels)


def joined(parts: Sequence[Candidates]) -> Candidates:
    """Candidates without keypoints and masks, one list after the other."""
    corners, scores, labels = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("corners", "scores", "labels")
    )
    return Candidates(corners, scores, labels)


@dataclass(frozen=True, slots=True)
class PrototypeMasks:
    """Masks that are sums of the frame's `prototypes` `[M, h, w]`, each with `coefficients` `[N, M]` (YOLACT)."""

    prototypes: Array
    coefficients: Array

    def logits(self, row: int) -> Array:
        return np.asarray(np.tensordot(self.coefficients[row], self.prototypes, 1), np.float32)

    def pick(self, rows: NDArray[np.intp]) -> PrototypeMasks:
        return PrototypeMasks(self.prototypes, self.coefficients[rows])


@dataclass(frozen=True, slots=True)
class WholeMasks:
    """Masks that the network gives as they are: `maps` `[N, h, w]`, above `threshold` where the object is."""

    maps: Array
    threshold: float = 0.0

    def logits(self, row: int) -> Array:
        return np.asarray(self.maps[row] - self.threshold, np.float32)

    def pick(self, rows: NDArray[np.intp]) -> WholeMasks:
        return WholeMasks(self.maps[rows], self.threshold)


def class_name(names: Sequence[str], number: int) -> str:
    """A class's name, or, where the names don't reach so far, its number.

    >>> class_name(("person",), 3)
    'class 3'
    """
    return names[number] if 0 <= number < len(names) else f"class {number}"


def in_frame(candidates: Candidates, names: Sequence[str], placement: Placement) -> Observations:
    """Candidates as observations of the frame that lies in the network's input at `placement`, without masks."""
    keypoints = candidates.keypoints
    if keypoints is not None:
        keypoints = np.concatenate([placement.to_frame(keypoints[..., :2]), keypoints[..., 2:]], 2)
    labels = tuple(class_name(names, label) for label in candidates.labels.tolist())
    boxes = placement.boxes_to_frame(candidates.corners)
    return Observations(boxes, candidates.scores, labels, keypoints=keypoints)


def masks_in_frame(
    masks: Masks, boxes: Floats, placement: Placement, size: tuple[int, int], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Masks `[N, H, W]` of a frame of `shape` (H, W), each within its box `[N, 4]` as (x, y, w, h) in the frame.

    `size`: (width, height) of the network's input, in which the frame lies at `placement`. The logits are
    interpolated between the centres of the cells. An object of which the mask shows nothing keeps its whole box.
    """
    found = np.zeros((len(boxes), *shape), np.bool_)
    for row, (x, y, w, h) in enumerate(boxes.tolist()):
        left, right = (round(min(max(side, 0), shape[1])) for side in (x, x + w))
        top, bottom = (round(min(max(side, 0), shape[0])) for side in (y, y + h))
        if left >= right or top >= bottom:
            continue
        logits = masks.logits(row)
        steps = np.array(logits.shape[::-1]) / np.array(size)  # cells a pixel of the input, (x, y)
        scale = np.array(placement.scale) * steps
        start = (np.array([left, top]) + 0.5) * scale + np.array(placement.offset) * steps - 0.5
        crop = cv2.warpAffine(
            logits,
            np.array([[scale[0], 0, start[0]], [0, scale[1], start[1]]]),
            (right - left, bottom - top),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        found[row, top:bottom, left:right] = crop > 0 if (crop > 0).any() else True
    return found
