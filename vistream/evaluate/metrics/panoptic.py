"""Panoptic segmentation: quality PQ, and its parts SQ (how well segments fit) and RQ (how many are found).

Source: Kirillov, He, Girshick, Rother and Dollár, "Panoptic Segmentation", CVPR 2019, section 4, with the rules that
the benchmark's own evaluation has: void and crowds are no one's mistake.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.integer]

VOID = 0
"""The id of pixels that belong to no segment."""
MATCHED = 0.5
"""Overlap above which two segments are one; no segment can have two such partners."""


@dataclass(frozen=True, slots=True)
class PanopticSegment:
    """One segment of an image: the `id` of its pixels, its class `label` (0 to N - 1); a crowd is not scored."""

    id: int
    label: int
    crowd: bool = False


@dataclass(frozen=True, slots=True)
class PanopticCounts:
    """By class, `[N]` each: the sum of the overlaps of matched segments, and how many matched, were made up, missed."""

    overlap: NDArray[np.float64]
    matched: NDArray[np.int64]
    false: NDArray[np.int64]
    missed: NDArray[np.int64]

    def __add__(self, other: PanopticCounts) -> PanopticCounts:
        return PanopticCounts(
            self.overlap + other.overlap,
            self.matched + other.matched,
            self.false + other.false,
            self.missed + other.missed,
        )

    @staticmethod
    def none(classes: int) -> PanopticCounts:
        """Of no image at all."""
        return PanopticCounts(np.zeros(classes), *(np.zeros(classes, np.int64) for _ in range(3)))


def panoptic_counts(
    gt: Ids, pred: Ids, true: Sequence[PanopticSegment], guessed: Sequence[PanopticSegment], classes: int
) -> PanopticCounts:
    """Match the segments of one image. `gt`, `pred`: ids `[H, W]`, whose segments are `true` and `guessed`.

    A guess more than half of which is void or a crowd of its class is not counted against the prediction. Raises
    ValueError where shapes differ, or ids and segments don't tell the same.

    >>> gt, pred = np.array([[1, 1, 1, 2]]), np.array([[7, 7, 0, 8]])
    >>> true = [PanopticSegment(1, 0), PanopticSegment(2, 1)]
    >>> found = panoptic_counts(gt, pred, true, [PanopticSegment(7, 0), PanopticSegment(8, 0)], 2)
    >>> found.overlap.round(3).tolist(), found.matched.tolist(), found.false.tolist(), found.missed.tolist()
    ([0.667, 0.0], [1, 0], [1, 0], [0, 1])
    """
    if gt.shape != pred.shape:
        raise ValueError(f"{pred.shape} predicted, {gt.shape} in the ground truth")
    rows, columns = _checked(gt, true, "ground truth"), _checked(pred, guessed, "prediction")
    shared = _intersections(gt, pred, list(rows), list(columns))
    real, found = list(rows.values()), list(columns.values())
    true_area, guess_area = shared.sum(axis=1)[1:], shared.sum(axis=0)[1:]
    in_void, pairs = shared[0, 1:], shared[1:, 1:]
    union = true_area[:, None] + guess_area - pairs - in_void
    iou = np.divide(pairs, union, out=np.zeros(pairs.shape), where=union > 0)
    same = np.array([[a.label == b.label for b in found] for a in real], bool).reshape(iou.shape)
    crowd = np.array([segment.crowd for segment in real], bool)
    match = same & (iou > MATCHED) & ~crowd[:, None]
    excused = in_void + (pairs * (same & crowd[:, None])).sum(axis=0)
    wrong = ~match.any(axis=0) & (excused <= MATCHED * guess_area)
    counts = PanopticCounts.none(classes)
    labels = np.array([segment.label for segment in real], np.int64)
    guesses = np.array([segment.label for segment in found], np.int64)
    np.add.at(counts.overlap, labels, (iou * match).sum(axis=1))
    np.add.at(counts.matched, labels, match.any(axis=1))
    np.add.at(counts.missed, labels, ~match.any(axis=1) & ~crowd)
    np.add.at(counts.false, guesses, wrong)
    return counts


def _checked(ids: Ids, segments: Sequence[PanopticSegment], side: str) -> dict[int, PanopticSegment]:
    """The segments by id, `VOID` not among them."""
    by_id = {segment.id: segment for segment in segments}
    if len(by_id) < len(segments) or VOID in by_id:
        raise ValueError(f"two segments of the {side} have the same id, or one has the id of void, {VOID}")
    there = set(np.unique(ids).tolist()) - {VOID}
    if there != set(by_id):
        raise ValueError(f"segment {min(there ^ set(by_id))} of the {side} is in its map or in its list, not in both")
    return by_id


def _intersections(gt: Ids, pred: Ids, rows: list[int], columns: list[int]) -> NDArray[np.int64]:
    """Pixels that have id `i` of the ground truth and `j` of the prediction, void first: `[1 + rows, 1 + columns]`."""
    places = []
    for ids, wanted in ((gt, rows), (pred, columns)):
        order = np.array([VOID, *wanted])
        by_value = np.argsort(order)
        places.append(by_value[np.searchsorted(order[by_value], ids.ravel())])
    width = len(columns) + 1
    cells = np.bincount(places[0] * width + places[1], minlength=(len(rows) + 1) * width)
    return np.asarray(cells.reshape(-1, width), np.int64)


def class_quality(counts: PanopticCounts) -> dict[str, NDArray[np.float64]]:
    """PQ, SQ and RQ of each class, `[N]` each, 0..1; NaN for a class that is neither there nor predicted."""
    matched, errors = counts.matched, (counts.false + counts.missed) / 2
    scored = matched + errors > 0
    nan = np.full(len(matched), np.nan)
    rq = np.divide(matched, matched + errors, out=nan.copy(), where=scored)
    sq = np.divide(counts.overlap, matched, out=np.where(scored, 0.0, np.nan), where=matched > 0)
    return {"PQ": sq * rq, "SQ": sq, "RQ": rq}


def panoptic_row(counts: PanopticCounts, things: Sequence[bool] | None = None) -> dict[str, float]:
    """The figures of a results table: means over the classes that occur, over all, over `things`, and over the others.

    Raises ValueError where no segment is to be scored.

    >>> counts = PanopticCounts(np.array([1.5, 0]), np.array([2, 0]), np.array([0, 1]), np.array([2, 0]))
    >>> panoptic_row(counts)
    {'PQ': 0.25, 'SQ': 0.375, 'RQ': 0.3333333333333333, 'Segments': 4}
    """
    quality = class_quality(counts)
    occurs = ~np.isnan(quality["PQ"])
    if not occurs.any():
        raise ValueError("no segment is to be scored")
    row: dict[str, float] = {name: float(values[occurs].mean()) for name, values in quality.items()}
    kinds = {} if things is None else {"things": np.array(things), "stuff": ~np.array(things)}
    for kind, chosen in kinds.items():
        for name, values in quality.items():
            some = values[occurs & chosen]
            row[f"{name} {kind}"] = float(some.mean()) if len(some) else float("nan")
    return {**row, "Segments": int((counts.matched + counts.missed).sum())}
