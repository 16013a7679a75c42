"""Masks from boxes, where no detector gives any: the pixels of a box with the object's shape, colours and movement.

Three signs are joined pixel by pixel, as odds: how often an object fills this place of its box (an outline of people,
an ellipse for everything else), how often the colour occurs inside rather than around it, and whether the pixel differs
from the background of a fixed camera. No weights. docs/tasks.md has what else was tried, and how well each did.
"""

from __future__ import annotations

import logging
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.detect.background import Background
from vistream.detect.detector import Detector
from vistream.detect.motion import on_grid
from vistream.types import Box, Frame, Observations

log = logging.getLogger("vistream")

Mask = NDArray[np.bool_]
Plane = NDArray[np.float64]

PERSON = ((0.40, 0.0), (0.34, 0.14), (0.12, 0.2), (0.05, 0.45), (0.18, 0.6), (0.15, 1.0))
"""The left half of a standing person's outline, in shares of the box; the right half mirrors it."""
UPRIGHT = 1.5  # height over width from which something that has no class is taken for a person
UNKNOWN = ("object", "moving")  # labels of boxes without a class

AROUND = (0.25, 0.075)  # of the width and height: how much of the surroundings is looked at
SOFT = 0.12  # of the width: how uncertain the outline is
BINS = 8  # of each colour channel
COLOUR = 2.0  # how much the colours' odds count
MOVES = (0.9, 0.05)  # how often a pixel of the object, and of the background, differs from the learned background
TRUSTED = (0.2, 0.5)  # that is believed if this share of the box moves at least, and of its surroundings at most
LEAST = 0.15  # of the box: a smaller mask is no find, so the bare outline stands in


class BoxMasks:
    """Adds masks to a detector's boxes; `fps`: of the video. Masks of one frame never overlap."""

    def __init__(self, detector: Detector, fps: float) -> None:
        self.detector = detector
        self._fps = fps
        self.name = f"{detector.name}, masks from boxes"
        self.reset()

    def describe(self) -> str:
        return f"{self.detector.describe()}; masks are guessed from boxes, by shape, colour and movement"

    def reset(self) -> None:
        """Forget the background: another video begins."""
        self.detector.reset()
        self.remember((None, None))
        self._told = False

    def memory(self) -> tuple[Background | None, int | None]:
        """What it remembers of the video, its detector left out: the background, and the last frame's number."""
        return self._background, self._last

    def remember(self, memory: tuple[Background | None, int | None]) -> None:
        """Go on from what `memory` gave."""
        self._background, self._last = memory

    def detect(self, frame: Frame, index: int) -> Observations:
        """The detector's objects, each with its mask; those that others hide altogether are left out."""
        seen = self.detector.detect(frame, index)
        moving = self._moving(frame, index, seen.boxes)
        if seen.masks is not None or not len(seen):
            return seen
        if not self._told:
            log.warning("there are boxes but no masks: masks are guessed from shape, colour and movement, roughly")
            self._told = True
        found = [
            box_mask(frame, (x, y, w, h), label, moving)
            for (x, y, w, h), label in zip(seen.boxes.tolist(), seen.labels, strict=True)
        ]
        masks = separated(np.array(found), seen.boxes)
        kept = [row for row, mask in enumerate(masks) if mask.any()]
        return replace(seen, masks=masks).pick(kept)

    def _moving(self, frame: Frame, index: int, boxes: Plane) -> Mask:
        """What differs from the background, which is learned outside the boxes: bool `[H, W]`."""
        small = on_grid(frame)
        seconds = 1 / self._fps if self._last is None else max(1, index - self._last) / self._fps
        self._last = index
        size = (frame.shape[1], frame.shape[0])
        if self._background is None or self._background.colour.shape != small.shape:
            self._background = Background(small)
            return np.zeros(frame.shape[:2], np.bool_)
        moving = self._background.compare(small, seconds).moving
        scale = small.shape[1] / frame.shape[1]
        objects = np.zeros(moving.shape, np.bool_)
        for x, y, w, h in (boxes * scale).tolist():
            objects[max(0, int(y)) : int(y + h) + 1, max(0, int(x)) : int(x + w) + 1] = True
        self._background.learn(small, seconds, objects, np.zeros_like(objects))
        clean = cv2.medianBlur(moving.view(np.uint8), 3)
        return np.asarray(cv2.resize(clean, size, interpolation=cv2.INTER_NEAREST) > 0)


def box_mask(frame: Frame, box: Box, label: str, moving: Mask) -> Mask:
    """The mask, bool `[H, W]`, of the object in `box`; `moving`, of that size, is what differs from the background.

    Empty where the box lies outside the frame.
    """
    mask = np.zeros(frame.shape[:2], np.bool_)
    x, y, w, h = box
    left, top = max(0, int(x - AROUND[0] * w)), max(0, int(y - AROUND[1] * h))
    here = np.s_[top : max(top, int(y + (1 + AROUND[1]) * h)), left : max(left, int(x + (1 + AROUND[0]) * w))]
    crop = frame[here]
    if not crop.size:
        return mask
    near = (x - left, y - top, w, h)
    outline, inside = _outline(crop.shape[:2], near, label), _rectangle(crop.shape[:2], near)
    prior = _blurred(outline.astype(np.float64), SOFT * w)
    odds = np.clip(prior, 0.02, 0.98) / (1 - np.clip(prior, 0.02, 0.98)) * _movement(moving[here], inside)
    share = prior
    for _ in range(2):  # the second time, what was found tells the colours
        odds_now = odds * _colour_odds(crop, share * inside) ** COLOUR
        share = _blurred(odds_now / (1 + odds_now), 0.03 * h) * inside
    found = share > 0.5
    mask[here] = found if found.sum() >= LEAST * inside.sum() else outline
    return mask


def separated(masks: Mask, boxes: Plane) -> Mask:
    """Masks `[N, H, W]` of which every pixel is left to the nearest object: the one whose box `[N, 4]` ends lowest.

    >>> both = np.ones((2, 1, 2), bool)
    >>> separated(both, np.array([[0.0, 0, 2, 8], [0, 2, 2, 9]]))[:, 0].astype(int).tolist()
    [[0, 0], [1, 1]]
    """
    taken = np.zeros(masks.shape[1:], np.bool_)
    result = np.zeros_like(masks)
    for row in np.argsort(-(boxes[:, 1] + boxes[:, 3]), kind="stable"):
        result[row] = masks[row] & ~taken
        taken |= masks[row]
    return result


def _outline(size: tuple[int, int], box: Box, label: str) -> Mask:
    """Where in its box an object is expected, bool of `size` (height, width)."""
    x, y, w, h = box
    shape = np.zeros(size, np.uint8)
    if label == "person" or (label in UNKNOWN and h >= UPRIGHT * w):
        half = np.array(PERSON)
        whole = np.concatenate([half, (half * (-1, 1) + (1, 0))[::-1]])
        cv2.fillPoly(shape, [np.rint(whole * (w, h) + (x, y)).astype(np.int32)], 1)
    else:
        centre, axes = (round(x + w / 2), round(y + h / 2)), (max(1, round(w / 2)), max(1, round(h / 2)))
        cv2.ellipse(shape, centre, axes, 0, 0, 360, 1, cv2.FILLED)
    return shape > 0


def _rectangle(size: tuple[int, int], box: Box) -> Mask:
    x, y, w, h = box
    inside = np.zeros(size, np.bool_)
    inside[max(0, int(y)) : max(0, round(y + h)), max(0, int(x)) : max(0, round(x + w))] = True
    return inside


def _blurred(plane: Plane, sigma: float) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), max(0.5, sigma)), dtype=np.float64)


def _colour_odds(crop: Frame, share: Plane) -> Plane:
    """How much more often each pixel's colour occurs where `share` is large than where it is small."""
    level = crop.astype(np.int64) // (256 // BINS)
    colour = (level[..., 0] * BINS + level[..., 1]) * BINS + level[..., 2]
    of_object = np.bincount(colour.ravel(), share.ravel(), BINS**3) + 0.02
    of_rest = np.bincount(colour.ravel(), 1 - share.ravel(), BINS**3) + 0.02
    ratio: Plane = (of_object / of_object.sum()) / (of_rest / of_rest.sum())
    return np.asarray(ratio[colour])


def _movement(moving: Mask, inside: Mask) -> Plane | float:
    """How much more likely each pixel is the object's for moving or not; 1 where movement tells nothing."""
    around = moving[~inside].mean() if not inside.all() else 0.0
    if not inside.any() or moving[inside].mean() < TRUSTED[0] or around > TRUSTED[1]:
        return 1.0
    return np.where(moving, MOVES[0] / MOVES[1], (1 - MOVES[0]) / (1 - MOVES[1]))
