"""Score MOT text files: boxes against the ground truth of MOT15, or of MOT16 and later by its classes and
flags.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.evaluate.files.pairs import Pair
from vistream.evaluate.metrics.mot16 import who_counts
from vistream.evaluate.metrics.overlap import box_iou
from vistream.evaluate.metrics.scene import Scene, make_scene
from vistream.evaluate.metrics.tracking import HEADLINE, TrackingScores, combine_tracking, track_scores
from vistream.evaluate.table import Table
from vistream.media.formats.mot import MotTracks, read_tracks


def mot_scene(gt: MotTracks, pred: MotTracks) -> Scene:
    """The scene of one sequence: of the ground truth what is to be scored, and the predictions that count.

    Nine-column ground truth follows MOT16's rules; of other kinds an object with flag 0 is not to be found,
    and a prediction on it is wrong, as in TrackEval's MOT15.
    """
    frames = int(max(gt.frames.max(initial=-1), pred.frames.max(initial=-1))) + 1
    gt_rows, pred_rows = _by_frame(gt, frames), _by_frame(pred, frames)
    gt_ids, pred_ids, overlaps = [], [], []
    for g, p in zip(gt_rows, pred_rows, strict=True):
        similarity = box_iou(gt.boxes[g], pred.boxes[p])
        flags = gt.confidences[g].astype(np.int64)
        objects, kept = flags != 0, np.ones(len(p), dtype=np.bool_)
        if gt.classes is not None:
            objects, kept = who_counts(similarity, gt.classes[g], flags)
        gt_ids.append(gt.ids[g][objects])
        pred_ids.append(pred.ids[p][kept])
        overlaps.append(similarity[objects][:, kept])
    return make_scene(gt_ids, pred_ids, overlaps)


def mot_table(pairs: Sequence[Pair]) -> Table:
    """Score every pair of files. Raises VistreamError where a file is malformed or nothing is to be scored."""
    scores: dict[str, TrackingScores] = {}
    notes: list[str] = []
    for pair in pairs:
        gt, pred = read_tracks(pair.gt), read_tracks(pair.pred)
        scene = mot_scene(gt, pred)
        if not scene.gt_total:
            wanted = "class 1 with a flag other than 0" if gt.classes is not None else "a flag other than 0"
            raise VistreamError(f"{pair.gt} has no object to score: {wanted} is expected in columns 7 and 8")
        notes += frame_notes(pair.name, pred.frames, int(gt.frames.max()))
        scores[pair.name] = track_scores(scene)
    rows = {name: score.row() for name, score in scores.items()}
    combined = combine_tracking(list(scores.values())).row() if len(scores) > 1 else None
    return Table("Multiple object tracking, boxes", rows, combined, HEADLINE, tuple(notes))


def frame_notes(name: str, frames: NDArray[np.int64], last: int) -> list[str]:
    """What is odd about the frames `[N]` of a sequence's predictions: none, or some after the `last` true
    one.

    All from 0.
    """
    if not len(frames):
        return [f"{name}: not a single prediction"]
    late = int((frames > last).sum())
    if not late:
        return []
    return [f"{name}: {late} predictions after the last true object (frame {last + 1}): false positives"]


def _by_frame(tracks: MotTracks, frames: int) -> list[NDArray[np.intp]]:
    """Row numbers of each frame."""
    order = np.argsort(tracks.frames, kind="stable")
    edges = np.searchsorted(tracks.frames[order], np.arange(1, frames))
    return np.split(order, edges) if frames else []
