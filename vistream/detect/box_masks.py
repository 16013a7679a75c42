"""Masks from boxes, where no detector gives any: the pixels of a box with the object's shape, colours and movement.

People are found by a network, where its weights are here (`person_masks.py`). Of anything else, and without the
network, masks are guessed. Signs are joined pixel by pixel, as odds: how often an object fills this place of its box
(an outline of people, an ellipse for everything else), whether the pixel differs from the background of a fixed camera,
and what the network says or, without it, how often the colour occurs inside rather than around it. docs/tasks.md has
what else was tried, and how well each did.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.detect.background import Background
from vistream.detect.detector import Detector
from vistream.detect.motion import on_grid
from vistream.detect.ownership import Candidate, Owned, Owners
from vistream.detect.person_masks import NAME, PersonMasks
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
CERTAIN = (0.02, 0.98)  # neither shape nor network is surer than this
ASKED = 0.2  # score from which the network is asked: there are many boxes below
EXPECTED = 0.5  # how much the outline's odds count beside the network's
LEAST = 0.15  # of the box: a smaller mask is no find, so the bare outline stands in


@dataclass(frozen=True, slots=True)
class MaskMemory:
    """What `BoxMasks` remembers: the background, the last frame's number, and whose pixels were whose in it."""

    background: Background | None = None
    last: int | None = None
    before: Owned | None = None


class BoxMasks:
    """Adds masks to a detector's boxes; `fps`: of the video. Masks of one frame never overlap.

    `people`: the network that finds those of people; None: they are guessed, like all others.
    """

    def __init__(self, detector: Detector, fps: float, people: PersonMasks | None = None) -> None:
        self.detector = detector
        self._fps = fps
        self._people = people
        self.name = f"{detector.name}, masks from boxes"
        self.reset()

    def describe(self) -> str:
        which = "masks" if self._people is None else f"masks of people are found by {self._people.name}, others"
        return f"{self.detector.describe()}; {which} are guessed from boxes, by shape, colour and movement"

    def reset(self) -> None:
        """Forget the background, and whose pixels were whose: another video begins."""
        self.detector.reset()
        self.remember(MaskMemory())
        self._told = False

    def memory(self) -> MaskMemory:
        """What it remembers of the video, its detector left out."""
        return MaskMemory(self._background, self._last, self._owners.before)

    def remember(self, memory: MaskMemory) -> None:
        """Go on from what `memory` gave."""
        self._background, self._last = memory.background, memory.last
        self._owners = Owners()
        self._owners.before = memory.before

    def detect(self, frame: Frame, index: int) -> Observations:
        """The detector's objects, each with its mask; those that others hide altogether are left out."""
        seen = self.detector.detect(frame, index)
        moving = self._moving(frame, index, seen.boxes)
        if seen.masks is not None:
            return seen
        self._tell(seen)
        candidates = []
        for (x, y, w, h), label, score in zip(seen.boxes.tolist(), seen.labels, seen.scores.tolist(), strict=True):
            people = self._people if score >= ASKED else None
            candidates.append(replace(candidate(frame, (x, y, w, h), label, moving, people), score=score))
        masks = self._owners.masks(frame, candidates)
        if not len(seen):
            return seen
        kept = [row for row, mask in enumerate(masks) if mask.any()]
        return replace(seen, masks=masks).pick(kept)

    def _tell(self, seen: Observations) -> None:
        """Say once that masks are guessed."""
        if self._people is None and len(seen) and not self._told:
            log.warning(
                "there are boxes but no masks: masks are guessed from shape, colour and movement, roughly; "
                "for better ones of people: vistream download-weights %s",
                NAME,
            )
            self._told = True

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


def candidate(frame: Frame, box: Box, label: str, moving: Mask, people: PersonMasks | None = None) -> Candidate:
    """The mask of the object in `box`; `moving`, bool `[H, W]`, is what differs from the background.

    `people`: finds those of people; where it sees nobody in the box, and of anything else, the mask is guessed.
    Of a box outside the frame it is empty.
    """
    x, y, w, h = box
    left, top = max(0, int(x - AROUND[0] * w)), max(0, int(y - AROUND[1] * h))
    here = np.s_[top : max(top, int(y + (1 + AROUND[1]) * h)), left : max(left, int(x + (1 + AROUND[0]) * w))]
    crop = frame[here]
    if not crop.size:
        return Candidate(box, 0, 0, np.zeros((1, 1), np.bool_), np.zeros((1, 1)))
    near = (x - left, y - top, w, h)
    outline, inside = _outline(crop.shape[:2], near, label), _rectangle(crop.shape[:2], near)
    prior = np.clip(_blurred(outline.astype(np.float64), SOFT * w), *CERTAIN)
    claim = np.log(prior / (1 - prior))
    found = np.zeros_like(inside)
    if people is not None and _is_person(box, label):
        seen = np.clip(people.share(frame, box, (left, top), crop.shape[:2]), *CERTAIN)
        odds = np.log(seen / (1 - seen)) + EXPECTED * claim + np.log(_movement(moving[here], inside))
        found = (odds > 0) & inside
    if found.sum() < LEAST * inside.sum():
        found = _guessed(crop, claim, inside, moving[here], h)
    return Candidate(box, left, top, found if found.sum() >= LEAST * inside.sum() else outline, claim)


def box_mask(frame: Frame, box: Box, label: str, moving: Mask, people: PersonMasks | None = None) -> Mask:
    """The mask of a `candidate`, whoever else claims its pixels, laid into the frame: bool `[H, W]`."""
    found = candidate(frame, box, label, moving, people)
    mask = np.zeros(frame.shape[:2], np.bool_)
    mask[found.here] = found.mask
    return mask


def _guessed(crop: Frame, claim: Plane, inside: Mask, moving: Mask, height: float) -> Mask:
    """What shape, colour and movement say of the pixels of a box that is `height` high."""
    odds = np.exp(claim) * _movement(moving, inside)
    share = odds / (1 + odds)
    for _ in range(2):  # the second time, what was found tells the colours
        odds_now = odds * _colour_odds(crop, share * inside) ** COLOUR
        share = _blurred(odds_now / (1 + odds_now), 0.03 * height) * inside
    return np.asarray(share > 0.5)


def _is_person(box: Box, label: str) -> bool:
    return label == "person" or (label in UNKNOWN and box[3] >= UPRIGHT * box[2])


def _outline(size: tuple[int, int], box: Box, label: str) -> Mask:
    """Where in its box an object is expected, bool of `size` (height, width)."""
    x, y, w, h = box
    shape = np.zeros(size, np.uint8)
    if _is_person(box, label):
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
