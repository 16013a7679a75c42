"""Ground truth as the tracker is given it: observations without ids, objects to begin with, boxes object by object.

Scoring reads the files by itself; nothing here scores.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.evaluate.datasets.clips import Clip
from vistream.evaluate.files.mot import scored
from vistream.media.formats.davis import VOID, read_folder
from vistream.media.formats.instances import read_any_mots
from vistream.media.formats.mot import MotTracks
from vistream.media.formats.mots import mask_observations
from vistream.media.formats.otb import read_otb
from vistream.media.formats.posetrack import read_poses
from vistream.media.formats.tracks import read_any_tracks
from vistream.types import Observations, Target

Boxes = NDArray[np.float64]
Starts = dict[int, list[tuple[int, Target]]]
"""By frame: the ids and targets of the objects that are given to a tracker before it."""

LABEL = "object"
SHORTEST_TRACK = 30
"""Frames: shorter tracks are not followed as single objects."""


def true_observations(task: str, clip: Clip) -> Mapping[int, Observations]:
    """What a perfect detector of the task mot, mots or pose would see, by frame; the ids are forgotten."""
    if task == "mots":
        return mask_observations(read_any_mots(clip.ground_truth, clip.starts))
    if task == "pose":
        return read_poses(clip.ground_truth).observations()
    gt = read_any_tracks(clip.ground_truth)
    kept = scored(gt)
    frames, boxes = gt.frames[kept], gt.boxes[kept]
    rows = {int(n): np.flatnonzero(frames == n) for n in np.unique(frames)}
    labels = _labels(gt)[kept]
    return {n: Observations(boxes[r], np.ones(len(r)), tuple(labels[r])) for n, r in rows.items()}


def true_classes(clip: Clip) -> tuple[str, ...]:
    """The classes of a clip's objects, where its ground truth names them; else none."""
    if clip.kind != "mot":
        return ()
    gt = read_any_tracks(clip.ground_truth)
    return () if gt.labels is None else tuple(sorted(set(_labels(gt)[scored(gt)].tolist())))


def _labels(gt: MotTracks) -> NDArray[np.object_]:
    """The class of each row."""
    if gt.labels is None or gt.classes is None:
        return np.full(len(gt), LABEL, dtype=object)
    names = gt.labels
    return np.array([names.get(number, LABEL) for number in gt.classes.tolist()], dtype=object)


def first_masks(clip: Clip) -> Starts:
    """The objects of the first frame, as masks."""
    _, labels = next(read_folder(clip.ground_truth))
    numbers = [int(n) for n in np.unique(labels) if n not in (0, VOID)]
    if not numbers:
        raise VistreamError(f"{clip.ground_truth}: the first label map has no object")
    return {0: [(n, labels == n) for n in numbers]}


def first_skeletons(clip: Clip) -> Starts:
    """The people of the first image that shows some."""
    seen = read_poses(clip.ground_truth).observations()
    if not seen:
        raise VistreamError(f"{clip.ground_truth} has no joint at all")
    first = min(seen)
    keypoints = seen[first].keypoints
    assert keypoints is not None  # a pose file's observations have them
    return {first: list(enumerate(keypoints, start=1))}


def first_boxes(clip: Clip) -> Starts:
    """Every object of `object_boxes`, in the frame in which it is seen first."""
    starts: Starts = {}
    for number, (first, boxes) in object_boxes(clip).items():
        x, y, w, h = boxes[0].tolist()
        starts.setdefault(first, []).append((number, (x, y, w, h)))
    return starts


def object_boxes(clip: Clip) -> dict[int, tuple[int, Boxes]]:
    """Each object's first frame, and its boxes `[T, 4]` from there to its last one; NaN where it has none.

    Of tracks and masks, those that are seen in `SHORTEST_TRACK` frames or more; of OTB the one, from its first line on.
    Raises VistreamError where none is left.
    """
    if clip.kind == "otb":
        boxes = read_otb(clip.ground_truth)
        seen = (boxes[:, 2] > 0) & (boxes[:, 3] > 0)
        if not seen.any():
            raise VistreamError(f"{clip.ground_truth} has no box")
        return {1: (int(seen.argmax()), boxes[seen.argmax() :])}
    found: dict[int, dict[int, Boxes]] = {}
    for frame, number, box in _mask_boxes(clip) if clip.kind == "masks" else _track_boxes(clip):
        found.setdefault(number, {})[frame] = box
    least = SHORTEST_TRACK if clip.frames is None else min(SHORTEST_TRACK, clip.frames)
    long = {number: of for number, of in sorted(found.items()) if len(of) >= least}
    if not long:
        raise VistreamError(f"{clip.ground_truth} has no object that is seen in {least} frames")
    missing = np.full(4, np.nan)
    return {
        number: (min(of), np.array([of.get(frame, missing) for frame in range(min(of), max(of) + 1)]))
        for number, of in long.items()
    }


def _track_boxes(clip: Clip) -> Iterator[tuple[int, int, Boxes]]:
    gt = read_any_tracks(clip.ground_truth)
    for row in np.flatnonzero(scored(gt)):
        yield int(gt.frames[row]), int(gt.ids[row]), gt.boxes[row]


def _mask_boxes(clip: Clip) -> Iterator[tuple[int, int, Boxes]]:
    for frame, (_, labels) in enumerate(read_folder(clip.ground_truth)):
        for number in np.unique(labels):
            if number not in (0, VOID):
                yield frame, int(number), np.array(cv2.boundingRect((labels == number).view(np.uint8)), np.float64)
