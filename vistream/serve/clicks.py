"""From clicks or a box to the mask of an object: by colours and edges around them (GrabCut, Rother et al., 2004)."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.detect.box_masks import box_mask
from vistream.errors import VistreamError
from vistream.types import Box, Frame, Observations

Click = tuple[float, float, bool]
"""(x, y) in pixels, and whether the object is there, or is not."""

ROUNDS = 4
REACH = 0.3
"""Of the frame's shorter side: how far an object may reach from the clicks."""
NEAR = 0.05
"""Of the part that is looked at: how far from a click the object is taken to be likely, before colours are compared."""
SURE = 0.012
"""Of the frame's shorter side: the disc around a click that is what the click says."""
AROUND = 0.35
"""Of a box's longer side: how much of its surroundings is compared with what is in it."""
LEAST = 0.15
"""Of a box: a smaller region is no find, so that a guess by shape and colour stands in."""
BELIEVED = 0.2
"""Least score of a detector's box: somebody has clicked there, so something is there."""
LARGEST = 400
"""Pixels of the longer side of what is looked at; a larger part is shrunk to that: the time grows with its area."""


def mask_of_clicks(frame: Frame, clicks: Sequence[Click]) -> NDArray[np.bool_]:
    """The region that holds the clicks on the object and none of the others: bool `[H, W]`.

    Raises VistreamError where no click is on an object, or all lie outside the frame.
    """
    height, width = frame.shape[:2]
    inside = [(x, y, on) for x, y, on in clicks if 0 <= x < width and 0 <= y < height]
    on = [(x, y) for x, y, positive in inside if positive]
    if not on:
        raise VistreamError("no click is on an object: click on it first")
    reach = REACH * min(height, width)
    xs, ys = zip(*on, strict=True)
    window = (min(xs) - reach, min(ys) - reach, max(xs) + reach, max(ys) + reach)
    return _cut(frame, window, inside)


def box_around(clicks: Sequence[Click], seen: Observations) -> Box | None:
    """The box (x, y, w, h) of the best of a detector's objects that hold every click on the object; None without one.

    A box says how large the object is, which clicks do not.
    """
    on = [(x, y) for x, y, positive in clicks if positive]
    holding = [
        (score, (x, y, w, h))
        for (x, y, w, h), score in zip(seen.boxes.tolist(), seen.scores.tolist(), strict=True)
        if score >= BELIEVED and w >= 2 and h >= 2 and all(x <= cx < x + w and y <= cy < y + h for cx, cy in on)
    ]
    return max(holding, default=(0.0, None))[1] if on else None


def mask_of_box(frame: Frame, box: Box, clicks: Sequence[Click] = ()) -> NDArray[np.bool_]:
    """The object that fills a box (x, y, w, h), as far as it lies in the frame, bool `[H, W]`; clicks correct it.

    Raises VistreamError for a box with next to no area there.
    """
    (height, width), (x, y, w, h) = frame.shape[:2], box
    x, y, w, h = max(x, 0.0), max(y, 0.0), min(x + w, width) - max(x, 0.0), min(y + h, height) - max(y, 0.0)
    if w < 2 or h < 2:
        raise VistreamError("the box is too small: drag it around the object")
    margin = AROUND * max(w, h)
    window = (x - margin, y - margin, x + w + margin, y + h + margin)
    found = _cut(frame, window, clicks, (x, y, x + w, y + h))
    return found if found.sum() >= LEAST * w * h else box_mask(frame, (x, y, w, h), "", np.zeros_like(found))


def outline(mask: NDArray[np.bool_]) -> list[list[list[int]]]:
    """The borders of a mask as polygons of [x, y]."""
    borders, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [[[int(x), int(y)] for x, y in border.reshape(-1, 2)] for border in borders]


def _cut(
    frame: Frame,
    window: tuple[float, float, float, float],
    clicks: Sequence[Click],
    within: tuple[float, float, float, float] | None = None,
) -> NDArray[np.bool_]:
    """GrabCut inside `window`, in corners; `within`: corners outside which there is nothing of the object."""
    height, width = frame.shape[:2]
    left, top = max(0, int(window[0])), max(0, int(window[1]))
    right, bottom = min(width, int(window[2]) + 1), min(height, int(window[3]) + 1)
    part = np.ascontiguousarray(frame[top:bottom, left:right, ::-1])
    factor = min(1.0, LARGEST / max(part.shape[:2]))
    small = np.asarray(cv2.resize(part, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
    moved = [((x - left) * factor, (y - top) * factor, on) for x, y, on in clicks]
    limits = None
    if within is not None:
        limits = [factor * (corner - start) for corner, start in zip(within, (left, top) * 2, strict=True)]
    radius = max(2, round(SURE * min(height, width) * factor))
    marks = _marks((small.shape[0], small.shape[1]), moved, radius, limits)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    mask = np.zeros((height, width), np.bool_)
    ground = (marks == cv2.GC_BGD) | (marks == cv2.GC_PR_BGD)
    if ground.all():
        return mask
    if not ground.any():  # the box is the whole picture: what lies at its border is likelier not the object
        edge = np.ones(marks.shape, np.bool_)
        edge[1:-1, 1:-1] = False
        marks[edge] = cv2.GC_PR_BGD
    cv2.grabCut(small, marks, None, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]  # no box
    found = _touched((marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD), marks == cv2.GC_FGD, marks == cv2.GC_BGD)
    whole = cv2.resize(found.view(np.uint8), (right - left, bottom - top), interpolation=cv2.INTER_LINEAR) > 0
    mask[top:bottom, left:right] = whole
    return mask


def _marks(
    shape: tuple[int, int], clicks: Sequence[Click], radius: int, within: list[float] | None
) -> NDArray[np.uint8]:
    """What is sure and what is likely: near the clicks, or in the box, likely the object; the rest ground."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    if within is None:
        distances = [np.hypot(columns - x, rows - y) for x, y, on in clicks if on]
        near = np.min(distances, axis=0) < NEAR * min(shape)
        marks = np.where(near, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
        marks[0], marks[-1], marks[:, 0], marks[:, -1] = (cv2.GC_BGD,) * 4
    else:
        x1, y1, x2, y2 = within
        inside = (columns >= x1) & (columns < x2) & (rows >= y1) & (rows < y2)
        marks = np.where(inside, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    away = [np.hypot(columns - x, rows - y) for x, y, on in clicks if not on]
    if away and within is None:  # what is nearer to a click beside the object than to one on it does not belong to it
        marks[np.min(away, axis=0) < np.min(distances, axis=0)] = cv2.GC_BGD
    for x, y, on in clicks:
        cv2.circle(marks, (round(x), round(y)), radius, cv2.GC_FGD if on else cv2.GC_BGD, cv2.FILLED)
    return marks


def _touched(found: NDArray[np.bool_], sure: NDArray[np.bool_], denied: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of the regions found those with what is sure; without that the largest; holes filled but for those denied."""
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8))
    if count < 2:
        return sure
    kept = set(np.unique(numbers[sure & found]).tolist()) - {0} or {1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))}
    region = np.isin(numbers, sorted(kept))
    filled = region.astype(np.uint8)
    borders, _ = cv2.findContours(filled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(filled, borders, -1, 1, cv2.FILLED)
    _, holes = cv2.connectedComponents(((filled > 0) & ~region).astype(np.uint8))
    return region | ((holes > 0) & ~np.isin(holes, np.unique(holes[denied])))
