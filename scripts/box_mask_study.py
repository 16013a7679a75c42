"""Compares methods of making a mask from a box, on true boxes: prints the table that stands in docs/tasks.md.

    python scripts/box_mask_study.py ../shared/data

Boxes are those around the true masks, as they are and shaken by 6 % of their size. Overlaps go to the box that ends
lowest, whatever the method. The network's weights are downloaded where they are not here. Clips: schoolgirls of ROOT,
and the demo clips. Seconds are CPU seconds of one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.detect import box_masks
from vistream.detect.box_masks import BoxMasks, box_mask
from vistream.detect.ownership import Candidate, Owners
from vistream.detect.person_masks import NAME, PersonMasks
from vistream.evaluate.datasets.clips import Clip, find_clips
from vistream.evaluate.datasets.observed import TRUTH, make_evaluation_observer
from vistream.media.formats import rle
from vistream.media.formats.mots import IGNORE, MotsRow, read_mots
from vistream.models.download import fetch
from vistream.pipeline.session import Session
from vistream.types import Box, Frame

Mask = NDArray[np.bool_]
Maker = Callable[[Frame, Box, str, Mask], Mask]

EVERY = 5  # frames; the background of a fixed camera is learned from all of them
FIRST = 20
LEAST = 60  # pixels of a true mask
SHAKEN = (0.0, 0.06)
LONGEST = 96  # pixels of the picture that GrabCut sees


def rectangle(frame: Frame, box: Box, label: str, moving: Mask) -> Mask:
    return box_masks._rectangle((frame.shape[0], frame.shape[1]), box)


def outline(frame: Frame, box: Box, label: str, moving: Mask) -> Mask:
    return box_masks._outline((frame.shape[0], frame.shape[1]), box, label)


def ellipse(frame: Frame, box: Box, label: str, moving: Mask) -> Mask:
    return outline(frame, box, "no person", moving)


def movement(frame: Frame, box: Box, label: str, moving: Mask) -> Mask:
    """What differs from the background; where that is hardly anything, the ellipse."""
    inside = rectangle(frame, box, label, moving)
    found = moving & inside
    return found if found.sum() > box_masks.LEAST * inside.sum() else ellipse(frame, box, label, moving)


def grabcut(frame: Frame, box: Box, label: str, moving: Mask) -> Mask:
    """GrabCut (Rother et al., 2004): the box may be object, what is around it is not; three iterations."""
    x, y, w, h = box
    around = 0.15 * max(w, h)
    left, top = max(0, int(x - around)), max(0, int(y - around))
    crop = frame[top : max(top + 1, int(y + h + around)), left : max(left + 1, int(x + w + around))]
    scale = min(1.0, LONGEST / max(crop.shape[:2]))
    size = max(4, round(crop.shape[1] * scale)), max(4, round(crop.shape[0] * scale))
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
    near = ((x - left) * scale, (y - top) * scale, w * scale, h * scale)
    inside = box_masks._rectangle(size[::-1], near)
    if inside.all() or not inside.any():
        return ellipse(frame, box, label, moving)
    labels = np.where(inside, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(small, labels, (0, 0, 1, 1), *models, 3, cv2.GC_INIT_WITH_MASK)
    found = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    mask = np.zeros(frame.shape[:2], np.bool_)
    mask[top : top + crop.shape[0], left : left + crop.shape[1]] = cv2.resize(found, crop.shape[1::-1]) > 0.5
    return mask if found.sum() > box_masks.LEAST * inside.sum() else ellipse(frame, box, label, moving)


def still(frame: Frame, box: Box, label: str, moving: Mask) -> Mask:
    """Ours without the movement."""
    return box_mask(frame, box, label, np.zeros_like(moving))


@cache
def network() -> PersonMasks:
    return PersonMasks(fetch(NAME))


def by_network(frame: Frame, box: Box, label: str, moving: Mask) -> Mask:
    """The network and the outline."""
    return box_mask(frame, box, label, moving, network())


def apart(frame: Frame, masks: list[Mask], boxes: list[Box]) -> Mask:
    """Every pixel to the box that ends lowest."""
    shown = [Candidate(box, 0, 0, mask, np.zeros(mask.shape)) for box, mask in zip(boxes, masks, strict=True)]
    return Owners().masks(frame, shown)


METHODS: dict[str, Maker] = {
    "the box itself": rectangle,
    "ellipse": ellipse,
    "outline of people": outline,
    "movement in the box": movement,
    "GrabCut": grabcut,
    "outline and colour": still,
    "outline, colour, movement": box_mask,
    "the network and the outline": by_network,
}
PROPAGATED = "label propagation, in the box"


class Propagation:
    """Our mask of an object's first box, carried by label propagation and cut to each later box; ids are true."""

    def __init__(self) -> None:
        self.session = Session("vos")
        self.known: set[int] = set()

    def step(self, frame: Frame, ids: list[int], boxes: list[Box], first: Mask) -> Mask:
        for number, mask in zip(ids, first, strict=True):
            if number not in self.known and mask.any():
                self.session.add_object(mask, number)
                self.known.add(number)
        nothing = np.zeros(frame.shape[:2], np.bool_)
        cut = [rectangle(frame, box, "", nothing) for box in boxes]
        found = {track.id: track.mask for track in self.session.step(frame).tracks if track.mask is not None}
        return np.array([found.get(n, nothing) & inside for n, inside in zip(ids, cut, strict=True)])


def frames_of(clip: Clip) -> Iterator[tuple[Frame, list[MotsRow], int]]:
    """Frames with the rows of the people in them, large enough to be scored."""
    rows: dict[int, list[MotsRow]] = {}
    for row in read_mots(clip.ground_truth):
        if row.label != IGNORE and row.label == 2 and rle.area(row.mask) >= LEAST:
            rows.setdefault(row.frame, []).append(row)
    with clip.open() as source:
        for frame in source:
            yield frame.image, rows.get(frame.index, []), frame.index


def measure(clip: Clip, shaken: float, propagate: int) -> dict[str, tuple[list[float], float]]:
    """By method: the overlap of each mask with the true one, and the seconds that a mask took.

    `propagate`: frames over which label propagation is tried, which takes the longest by far.
    """
    rng = np.random.default_rng(0)
    with clip.open() as source:
        observer = make_evaluation_observer(clip, "mots", TRUTH, source, ())
    assert observer.detector is not None
    background = BoxMasks(observer.detector, clip.fps or 25.0)
    carried = Propagation() if propagate and not shaken else None
    found: dict[str, tuple[list[float], float]] = {}
    for frame, rows, index in frames_of(clip):
        true = np.array([rle.decode(row.mask) for row in rows]).reshape(len(rows), *frame.shape[:2])
        tight = np.array([cv2.boundingRect(mask.view(np.uint8)) for mask in true], np.float64).reshape(-1, 4)
        spoiled = tight + shaken * rng.standard_normal(tight.shape) * tight[:, [2, 3, 2, 3]]
        spoiled[:, 2:] = np.maximum(spoiled[:, 2:], 4.0)
        boxes: list[Box] = [(x, y, w, h) for x, y, w, h in spoiled.tolist()]
        moving = background._moving(frame, index, spoiled)
        makers = METHODS if index >= FIRST and index % EVERY == 0 and boxes else {}
        for method, make in makers.items():
            start = time.process_time()
            masks = apart(frame, [make(frame, box, "person", moving) for box in boxes], boxes)
            seconds = time.process_time() - start
            note(found, method, masks, true, seconds)
        if carried is not None and index < propagate:
            first = apart(frame, [box_mask(frame, box, "person", moving) for box in boxes], boxes)
            masks = carried.step(frame, [row.id for row in rows], boxes, first)
            if makers:
                note(found, PROPAGATED, masks, true, 0.0)
    return found


def note(found: dict[str, tuple[list[float], float]], method: str, masks: Mask, true: Mask, seconds: float) -> None:
    overlaps, before = found.get(method, ([], 0.0))
    overlaps += [float((a & b).sum() / max(1, (a | b).sum())) for a, b in zip(masks, true, strict=True)]
    found[method] = overlaps, before + seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, help="the folder of real clips")
    parser.add_argument("--propagate", type=int, default=60, help="frames of each clip for label propagation")
    arguments = parser.parse_args()
    demo = Path(__file__).resolve().parents[1] / "demo_videos"
    clips = [*find_clips("mots", arguments.root, ("schoolgirls",)), *find_clips("mots", demo)]
    cv2.setNumThreads(1)
    tables = {(clip.name, s): measure(clip, s, arguments.propagate) for clip in clips for s in SHAKEN}
    print("| mask | " + " | ".join(f"{name}{', shaken' if s else ''}" for name, s in tables) + " | ms |")
    print("|---|" + "---|" * (len(tables) + 1))
    for method in (*METHODS, PROPAGATED):
        cells, milliseconds = [], [np.nan]
        for table in tables.values():
            overlaps, seconds = table.get(method, ([], 0.0))
            share = np.mean(np.array(overlaps) > 0.5) if overlaps else np.nan
            cells.append(f"{np.mean(overlaps):.2f} ({share:.0%})" if overlaps else "-")
            milliseconds += [1e3 * seconds / len(overlaps)] if seconds else []
        time_ = np.nanmean(milliseconds) if len(milliseconds) > 1 else np.nan
        print(f"| {method} |", " | ".join(cells), "|", "-" if np.isnan(time_) else f"{time_:.1f}", "|")


if __name__ == "__main__":
    main()
