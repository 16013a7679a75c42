"""Score MOT text files: boxes against the ground truth of MOT15, or of MOT16 and later by its classes and
flags.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.evaluate.files.pairs import Pair
from vistream.evaluate.metrics.mot16 import DISTRACTORS, PEDESTRIAN, distractors_of, who_counts
from vistream.evaluate.metrics.overlap import box_iou
from vistream.evaluate.metrics.regions import outside_regions
from vistream.evaluate.metrics.scene import Scene, make_scene
from vistream.evaluate.metrics.tracking import HEADLINE, TrackingScores, combine_tracking, track_scores
from vistream.evaluate.table import Table
from vistream.media.formats.mot import MotTracks
from vistream.media.formats.tracks import read_any_tracks


def scored(ground_truth: MotTracks, names: Sequence[str] = ()) -> NDArray[np.bool_]:
    """The rows of a ground truth that are objects to be found, bool `[N]`.

    Those with a flag other than 0; of MOT16 and later pedestrians; where classes have names, those of `names` (none:
    all).
    """
    flagged: NDArray[np.bool_] = ground_truth.confidences.astype(np.int64) != 0
    if ground_truth.classes is None:
        return flagged
    wanted = [PEDESTRIAN]
    if ground_truth.labels is not None:
        wanted = [number for number, name in ground_truth.labels.items() if not names or name in names]
    chosen: NDArray[np.bool_] = flagged & np.isin(ground_truth.classes, wanted)
    return chosen


def mot_scene(
    gt: MotTracks, pred: MotTracks, names: Sequence[str] = (), distractors: Sequence[int] = DISTRACTORS
) -> Scene:
    """The scene of one sequence: of the ground truth what is to be scored, and the predictions that count.

    Nine-column ground truth follows MOT16's rules, with its classes of `distractors`; of other kinds an object with
    flag 0 is not to be found, and a prediction on it is wrong, as in TrackEval's MOT15. Where classes have names
    (`labels`), objects of those in `names` are scored, and what was seen of others, or in regions that are not
    scored, is neither right nor wrong.
    """
    frames = np.union1d(gt.frames, pred.frames)  # one without any row counts for nothing, however many there are
    gt_rows, pred_rows = _by_frame(gt, frames), _by_frame(pred, frames)
    wanted = scored(gt, names)
    gt_ids, pred_ids, overlaps = [], [], []
    for g, p in zip(gt_rows, pred_rows, strict=True):
        similarity = box_iou(gt.boxes[g], pred.boxes[p])
        flags = gt.confidences[g].astype(np.int64)
        objects, kept = wanted[g], np.ones(len(p), dtype=np.bool_)
        if gt.labels is not None:
            kept = outside_regions(similarity, pred.boxes[p], gt.boxes[g], objects)
        elif gt.classes is not None:
            objects, kept = who_counts(similarity, gt.classes[g], flags, distractors)
        gt_ids.append(gt.ids[g][objects])
        pred_ids.append(pred.ids[p][kept])
        overlaps.append(similarity[objects][:, kept])
    return make_scene(gt_ids, pred_ids, overlaps)


def mot_table(pairs: Sequence[Pair], names: Sequence[str] = ()) -> Table:
    """Score every pair of files; `names`: of the classes that are scored, where the files name them; none: all.

    Raises VistreamError where a file is malformed or nothing is to be scored.
    """
    scores: dict[str, TrackingScores] = {}
    notes: list[str] = []
    for pair in pairs:
        gt, pred = (_first(read_any_tracks(path), pair.most) for path in (pair.gt, pair.pred))
        scene = mot_scene(gt, pred, names, distractors_of(pair.name, str(pair.gt)))
        if not scene.gt_total:
            raise VistreamError(f"{pair.scored} has no object to score: {_expected(gt, names)}")
        notes += frame_notes(pair.name, pred.frames, int(gt.frames.max()))
        scores[pair.name] = track_scores(scene)
    rows = {name: score.row() for name, score in scores.items()}
    combined = combine_tracking(list(scores.values())).row() if len(scores) > 1 else None
    return Table("Multiple object tracking, boxes", rows, combined, HEADLINE, tuple(notes))


def _first(tracks: MotTracks, most: int | None) -> MotTracks:
    """Of the first frames, `most` of them; None: all."""
    return tracks if most is None else tracks.pick(tracks.frames < most)


def _expected(gt: MotTracks, names: Sequence[str]) -> str:
    if not len(gt):
        return "it has no line"
    if gt.labels is not None and gt.classes is not None:
        there = sorted({gt.labels.get(number, str(number)) for number in gt.classes.tolist()})
        return f"of its classes, {', '.join(there)}, {' or '.join(names) or 'at least one'} is wanted"
    if gt.classes is not None:
        return "class 1 with a flag other than 0 is expected in columns 7 and 8"
    if ((gt.confidences > 0) & (gt.confidences < 1)).any():
        return (
            f"column 7 holds scores ({gt.confidences.max():g}), as detections have them; ground truth has 1 or 0 there"
        )
    return "a flag of 1 is expected in column 7"


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


def _by_frame(tracks: MotTracks, frames: NDArray[np.int64]) -> list[NDArray[np.intp]]:
    """Row numbers of each of `frames`, which are in order."""
    order = np.argsort(tracks.frames, kind="stable")
    edges = np.searchsorted(tracks.frames[order], frames[1:])
    return np.split(order, edges) if len(frames) else []
