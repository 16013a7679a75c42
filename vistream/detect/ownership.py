"""Whose pixels those are that several masks of one frame claim.

What a detector is hardly sure of may be another box of the same object, so it only gets what others leave. Otherwise
three things speak for an object, in nats: that the pixel lies where such an object fills its box (which the caller
says), that its box ends lower than others', so that it stands nearer, and that the pixel was the object's in the frame
before, from which it is followed by dense optical flow (Farnebäck, "Two-frame motion estimation based on polynomial
expansion", SCIA 2003). Which box was which is told by their overlap; no ids are needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.detect.agreement import overlap
from vistream.detect.motion import on_grid
from vistream.types import Box, Frame

Mask = NDArray[np.bool_]
Plane = NDArray[np.float64]

NEARER = 40.0  # nats for a box that ends lower by the mean height of the frame's boxes
CARRIED = 4.0  # nats for a pixel that was the object's in the frame before
SURE = 0.4  # score from which a detector is sure
SAME = 0.5  # overlap from which boxes of two frames are taken for one object's
SMALLEST = 32  # pixels: no flow in smaller pictures


@dataclass(frozen=True, slots=True)
class Candidate:
    """An object in its box, before others have a say.

    `mask`: the pixels that it claims, bool `[h, w]`, and `claim`: how well it fills each of them, in nats; the first
    pixel of both is at (`left`, `top`) of the frame, and all lie inside it. `score`: the detector's, 0..1.
    """

    box: Box
    left: int
    top: int
    mask: Mask
    claim: Plane
    score: float = 1.0

    @property
    def here(self) -> tuple[slice, slice]:
        """Its rows and columns of the frame."""
        height, width = self.mask.shape
        return np.s_[self.top : self.top + height, self.left : self.left + width]


@dataclass(frozen=True, slots=True)
class Owned:
    """What is remembered of a frame: its boxes `[N, 4]`; and shrunk, its grey `[h, w]` and masks, uint8 `[N, h, w]`."""

    grey: NDArray[np.uint8]
    boxes: Plane
    masks: NDArray[np.uint8]


class Owners:
    """Makes masks of a video's candidates, frame by frame, so that no pixel has two owners."""

    def __init__(self) -> None:
        self.before: Owned | None = None

    def masks(self, frame: Frame, candidates: Sequence[Candidate]) -> Mask:
        """The masks, bool `[N, H, W]`, of the next frame's candidates."""
        grey = np.asarray(cv2.cvtColor(on_grid(frame), cv2.COLOR_RGB2GRAY), np.uint8)
        boxes = np.array([candidate.box for candidate in candidates], np.float64).reshape(-1, 4)
        carried = self._carried(grey, boxes) if _crowded(frame, candidates) else {}
        scale = grey.shape[1] / frame.shape[1], grey.shape[0] / frame.shape[0]
        depth = NEARER * (boxes[:, 1] + boxes[:, 3]) / max(1e-9, float(boxes[:, 3].sum() / max(1, len(boxes))))
        best = np.full(frame.shape[:2], -np.inf)
        owner = np.full(frame.shape[:2], -1)
        for number in sorted(range(len(candidates)), key=lambda number: candidates[number].score < SURE):
            candidate = candidates[number]
            claim = candidate.claim + depth[number]
            if number in carried:
                claim = claim + CARRIED * _enlarged(carried[number], candidate, scale)
            free = owner[candidate.here] < 0
            wins = candidate.mask & (free if candidate.score < SURE else claim > best[candidate.here])
            best[candidate.here][wins], owner[candidate.here][wins] = claim[wins], number
        found = np.array([owner == number for number in range(len(candidates))]).reshape(-1, *frame.shape[:2])
        small = [cv2.resize(mask.view(np.uint8), grey.shape[::-1], interpolation=cv2.INTER_AREA) for mask in found]
        self.before = Owned(grey, boxes, np.array(small, np.uint8).reshape(-1, *grey.shape))
        return found

    def _carried(self, grey: NDArray[np.uint8], boxes: Plane) -> dict[int, NDArray[np.float32]]:
        """The masks of the frame before, each 0..1 `[h, w]`, where their pixels are now, by the number of the box."""
        before = self.before
        if before is None or not len(before.boxes) or before.grey.shape != grey.shape or min(grey.shape) < SMALLEST:
            return {}
        nothing = np.zeros((*grey.shape, 2), np.float32)
        flow = cv2.calcOpticalFlowFarneback(grey, before.grey, nothing, 0.5, 3, 15, 2, 5, 1.1, 0)
        rows, columns = np.indices(grey.shape, np.float32)
        x, y = columns + flow[..., 0], rows + flow[..., 1]
        alike = overlap(_corners(boxes), _corners(before.boxes))
        return {
            number: np.asarray(
                cv2.remap(before.masks[row.argmax()].astype(np.float32), x, y, cv2.INTER_LINEAR), np.float32
            )
            for number, row in enumerate(alike)
            if row.max() > SAME
        }


def _corners(boxes: Plane) -> Plane:
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def _crowded(frame: Frame, candidates: Sequence[Candidate]) -> bool:
    """Whether any pixel is claimed twice."""
    taken = np.zeros(frame.shape[:2], np.bool_)
    for candidate in candidates:
        if (taken[candidate.here] & candidate.mask).any():
            return True
        taken[candidate.here] |= candidate.mask
    return False


def _enlarged(plane: NDArray[np.float32], candidate: Candidate, scale: tuple[float, float]) -> Plane:
    """The part of a shrunk plane that lies under a candidate, in the frame's pixels."""
    across, down = scale
    to_small = np.array(
        [[across, 0, (candidate.left + 0.5) * across - 0.5], [0, down, (candidate.top + 0.5) * down - 0.5]]
    )
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(plane, to_small, candidate.mask.shape[::-1], flags=how), np.float64)
