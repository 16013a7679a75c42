"""Score MOTS files, text or maps: masks against masks, class by class, outside the regions that are not scored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from pycocotools import mask as coco_mask

from vistream.errors import VistreamError
from vistream.evaluate.files.mot import frame_notes
from vistream.evaluate.files.pairs import Pair
from vistream.evaluate.metrics.mots import MaskFrame, mask_scene, mots_row, refuse_overlap
from vistream.evaluate.metrics.tracking import TrackingScores, combine_tracking, track_scores
from vistream.evaluate.table import Table
from vistream.media.formats.instances import first_number, read_any_mots
from vistream.media.formats.mots import IGNORE, MotsRow, label_name
from vistream.media.formats.rle import Rle

HEADLINE = ("HOTA", "DetA", "AssA", "sMOTSA", "MOTSA", "MOTSP", "IDF1", "IDSW", "FP", "FN")


def mots_table(pairs: Sequence[Pair], first_frame: int = 1, names: Sequence[str] = ()) -> Table:
    """Score every pair of files on the classes that their ground truth has; objects match within their class.

    `first_frame`: its number in text. `names`: of the classes that are scored, as in `formats.mots` ("person", or a
    number as text); none: all.
    Raises VistreamError where a file is malformed, masks of a frame overlap, or nothing is to be scored.
    """
    scores: dict[str, TrackingScores] = {}
    notes: list[str] = []
    for pair in pairs:
        starts = first_number(pair.gt, first_frame if pair.starts is None else pair.starts)
        gt = read_any_mots(pair.gt, starts)
        pred = read_any_mots(pair.pred, starts if pair.pred.is_dir() and pair.gt.is_dir() else first_frame)
        if pair.most is not None:
            gt, pred = ([row for row in rows if row.frame < pair.most] for rows in (gt, pred))
        classes = sorted({row.label for row in gt if _is_wanted(row, names)} - {IGNORE})
        if not classes:
            which = f" of the classes {', '.join(names)}" if names else ""
            raise VistreamError(f"{pair.scored} has no object to score{which}")
        _refuse_overlaps(gt, str(pair.gt), starts)
        _refuse_overlaps(pred, str(pair.pred), first_frame)
        foreign = sum(row.label not in classes and _is_wanted(row, names) for row in pred)
        if foreign:
            notes.append(f"{pair.name}: {foreign} predictions of classes without ground truth are left out")
        frames = np.array([row.frame for row in pred], dtype=np.int64)
        notes += frame_notes(pair.name, frames, max(row.frame for row in gt))
        scores[pair.name] = combine_tracking([_score_class(gt, pred, label) for label in classes])
    rows = {name: _row(score) for name, score in scores.items()}
    combined = _row(combine_tracking(list(scores.values()))) if len(scores) > 1 else None
    return Table("Multiple object tracking, masks", rows, combined, HEADLINE, tuple(notes))


def _is_wanted(row: MotsRow, names: Sequence[str]) -> bool:
    return not names or label_name(row.label) in names


def _row(scores: TrackingScores) -> dict[str, float]:
    return {**scores.hota.row(), **mots_row(scores.clear), **scores.identity.row()}


def _score_class(gt: Sequence[MotsRow], pred: Sequence[MotsRow], label: int) -> TrackingScores:
    frames = sorted({row.frame for row in (*gt, *pred)})  # one without any row counts for nothing
    ignored: dict[int, Rle] = {}
    for frame, regions in _grouped(row for row in gt if row.label == IGNORE).items():
        merged = coco_mask.merge([row.mask for row in regions], intersect=False)
        ignored[frame] = {"size": list(merged["size"]), "counts": merged["counts"]}
    sides = [_mask_frames((row for row in side if row.label == label), frames) for side in (gt, pred)]
    return track_scores(mask_scene(sides[0], sides[1], [ignored.get(frame) for frame in frames]))


def _mask_frames(rows: Iterable[MotsRow], frames: Sequence[int]) -> list[MaskFrame]:
    groups = _grouped(rows)
    found = [groups.get(frame, []) for frame in frames]
    return [MaskFrame(tuple(r.id for r in group), tuple(r.mask for r in group)) for group in found]


def _grouped(rows: Iterable[MotsRow]) -> dict[int, list[MotsRow]]:
    groups: dict[int, list[MotsRow]] = {}
    for row in rows:
        groups.setdefault(row.frame, []).append(row)
    return groups


def _refuse_overlaps(rows: Sequence[MotsRow], file: str, first_frame: int) -> None:
    for frame, group in _grouped(row for row in rows if row.label != IGNORE).items():
        refuse_overlap([row.mask for row in group], frame + first_frame, file)
