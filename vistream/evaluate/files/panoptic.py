"""Score COCO panoptic files against ground truth of the same form: PQ, SQ and RQ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import islice
from pathlib import Path

import numpy as np

from vistream.errors import VistreamError
from vistream.evaluate.files.pairs import Pair
from vistream.evaluate.metrics.panoptic import (
    PanopticCounts,
    PanopticSegment,
    class_quality,
    panoptic_counts,
    panoptic_row,
)
from vistream.evaluate.table import Table
from vistream.media.formats.panoptic import Category, FileSegment, PanopticFile, read_ids, read_panoptic

HEADLINE = ("PQ", "SQ", "RQ", "PQ things", "PQ stuff", "Segments")


def panoptic_table(pairs: Sequence[Pair]) -> Table:
    """Score every pair of JSON files; the combined row is over all of them.

    Categories are those of the ground truth, matched by name where the prediction names its own, else by number: each
    whose name the ground truth lacks, where it has that number and no other name took it. Raises VistreamError where a
    file is malformed, an image is missing or of another size, or nothing is to be scored.
    """
    counts: dict[str, PanopticCounts] = {}
    categories: tuple[Category, ...] = ()
    for pair in pairs:
        gt, pred = read_panoptic(pair.gt), read_panoptic(pair.pred)
        if not gt.categories:
            raise VistreamError(f"{pair.gt} names no categories: a ground truth must")
        if categories and gt.categories != categories:
            raise VistreamError(f"{pair.gt} has other categories than {pairs[0].gt}: score them one by one")
        categories = gt.categories
        counts[pair.name] = _count(pair, replace(gt, images=dict(islice(gt.images.items(), pair.most))), pred)
    things = tuple(category.thing for category in categories)
    try:
        rows = {name: panoptic_row(found, things) for name, found in counts.items()}
    except ValueError as error:
        raise VistreamError(f"{pairs[0].gt}: {error}") from None
    total = reduce(PanopticCounts.__add__, counts.values())
    combined = panoptic_row(total, things) if len(pairs) > 1 else None
    detail = Table("Classes", _class_rows(total, categories))
    return Table("Panoptic segmentation", rows, combined, HEADLINE, details=(detail,))


def _class_rows(counts: PanopticCounts, categories: Sequence[Category]) -> dict[str, dict[str, float]]:
    quality = class_quality(counts)
    return {
        category.name: {
            **{name: float(values[label]) for name, values in quality.items()},
            "Segments": int(counts.matched[label] + counts.missed[label]),
        }
        for label, category in enumerate(categories)
        if not np.isnan(quality["PQ"][label])
    }


def _count(pair: Pair, gt: PanopticFile, pred: PanopticFile) -> PanopticCounts:
    labels = {category.number: label for label, category in enumerate(gt.categories)}
    guessed = _matched(gt.categories, pred.categories)
    used = {segment.category for key in gt.images if key in pred.images for segment in pred.images[key].segments}
    for category in pred.categories:
        if category.number in used - guessed.keys():
            raise VistreamError(
                f"{pair.pred} has segments of {category.name!r} (category {category.number}): {pair.gt} has neither "
                "that name nor that number to spare: name it as the ground truth does"
            )
    counts = PanopticCounts.none(len(gt.categories))
    missing = [key for key in gt.images if key not in pred.images]
    if missing:
        some = f"{len(missing)} of {len(gt.images)} images are missing"
        raise VistreamError(f"{pair.pred} lacks {missing[0]} ({some}): every image needs a prediction")
    for key, image in gt.images.items():
        other = pred.images[key]
        true = _segments(image.segments, labels, pair.gt, key)
        found = _segments(other.segments, guessed, pair.pred, key)
        try:
            counts += panoptic_counts(read_ids(image.map), read_ids(other.map), true, found, len(labels))
        except ValueError as error:
            raise VistreamError(f"{image.map} against {other.map}: {error}") from None
    return counts


def _matched(true: Sequence[Category], guessed: Sequence[Category]) -> dict[int, int]:
    """The label, which is a place among the `true` categories, of each number that a prediction may use."""
    by_number = {category.number: label for label, category in enumerate(true)}
    if not guessed:
        return by_number
    by_name = {category.name: label for label, category in enumerate(true)}
    named = {category.number: by_name[category.name] for category in guessed if category.name in by_name}
    taken = set(named.values())
    for category in guessed:
        label = by_number.get(category.number)
        if category.name not in by_name and label is not None and label not in taken:
            named[category.number] = label
    return named


def _segments(segments: Sequence[FileSegment], labels: dict[int, int], path: Path, key: str) -> list[PanopticSegment]:
    for segment in segments:
        if segment.category not in labels:
            raise VistreamError(f"{path}, {key}: segment {segment.id} is of category {segment.category}, which is none")
    return [PanopticSegment(segment.id, labels[segment.category], segment.crowd) for segment in segments]
