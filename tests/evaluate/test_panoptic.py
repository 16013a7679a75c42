"""Panoptic quality against the published rules, segment by segment; steadiness of class maps."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vistream.evaluate.metrics.flicker import Flicker, flicker, still_pixels
from vistream.evaluate.metrics.panoptic import (
    PanopticCounts,
    PanopticSegment,
    class_quality,
    panoptic_counts,
    panoptic_row,
)

CLASSES = 4
Ids = NDArray[np.int64]
Image = tuple[Ids, list[PanopticSegment]]


def as_published(gt: list[Image], pred: list[Image], chosen: tuple[bool, ...]) -> tuple[float, float, float]:
    """PQ, SQ, RQ over the `chosen` classes, counted one pixel and one segment at a time, as the benchmark does."""
    overlap: defaultdict[int, float] = defaultdict(float)
    matched, false, missed = Counter[int](), Counter[int](), Counter[int]()
    for (gt_map, true), (pred_map, guessed) in zip(gt, pred, strict=True):
        pairs = Counter(zip(gt_map.ravel().tolist(), pred_map.ravel().tolist(), strict=True))
        area = {s.id: int((gt_map == s.id).sum()) for s in true}
        guess_area = {s.id: int((pred_map == s.id).sum()) for s in guessed}
        taken: set[tuple[str, int]] = set()
        for a in true:
            for b in guessed:
                shared = pairs[a.id, b.id]
                if a.crowd or a.label != b.label or not shared:
                    continue
                iou = shared / (area[a.id] + guess_area[b.id] - shared - pairs[0, b.id])
                if iou > 0.5:
                    overlap[a.label] += iou
                    matched[a.label] += 1
                    taken |= {("gt", a.id), ("pred", b.id)}
        missed.update(a.label for a in true if ("gt", a.id) not in taken and not a.crowd)
        crowds = {a.label: a.id for a in true if a.crowd}
        for b in guessed:
            excused = pairs[0, b.id] + (pairs[crowds[b.label], b.id] if b.label in crowds else 0)
            if ("pred", b.id) not in taken and excused / guess_area[b.id] <= 0.5:
                false[b.label] += 1
    rows = []
    for label in (n for n in range(CLASSES) if chosen[n]):
        tp, fp, fn = matched[label], false[label], missed[label]
        if tp + fp + fn:
            weight = tp + fp / 2 + fn / 2
            rows.append((overlap[label] / weight, overlap[label] / tp if tp else 0.0, tp / weight))
    means = np.mean(rows, axis=0) if rows else np.full(3, np.nan)
    return float(means[0]), float(means[1]), float(means[2])


def image_of(blocks: NDArray[np.int64], labels: list[int], crowds: list[bool]) -> Image:
    """Every number of `blocks` but 0 becomes a segment; of each class at most one is a crowd."""
    ids = blocks * 7
    segments: list[PanopticSegment] = []
    for number in np.unique(blocks[blocks > 0]).tolist():
        label = labels[number - 1]
        crowd = crowds[number - 1] and not any(s.crowd and s.label == label for s in segments)
        segments.append(PanopticSegment(number * 7, label, crowd))
    return ids, segments


def random_images(seed: int) -> tuple[list[Image], list[Image]]:
    """Two images, and guesses that are the same blocks with some of their cells redrawn."""
    rng = np.random.default_rng(seed)
    gt, pred = [], []
    for _ in range(2):
        coarse = rng.integers(0, 6, (3, 4))
        true = np.kron(coarse, np.ones((4, 4), np.int64))
        noise = rng.random(true.shape) < rng.choice([0.0, 0.2, 0.45])
        guess = np.where(noise, rng.integers(0, 6, true.shape), true)
        labels = rng.integers(0, CLASSES, 5).tolist()
        others = [label if rng.random() < 0.8 else int(rng.integers(CLASSES)) for label in labels]
        gt.append(image_of(true, labels, (rng.random(5) < 0.3).tolist()))
        pred.append(image_of(guess, others, [False] * 5))
    return gt, pred


@pytest.mark.parity
@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6))
def test_quality_is_what_the_published_rules_give(seed: int) -> None:
    gt, pred = random_images(seed)
    each = (panoptic_counts(a, b, x, y, CLASSES) for (a, x), (b, y) in zip(gt, pred, strict=True))
    counts = reduce(PanopticCounts.__add__, each)
    things = (True, False, True, False)
    if np.isnan(class_quality(counts)["PQ"]).all():
        return
    row = panoptic_row(counts, things)
    for suffix, chosen in (("", (True,) * 4), (" things", things), (" stuff", (False, True, False, True))):
        wanted = as_published(gt, pred, chosen)
        found = tuple(row[f"{name}{suffix}"] for name in ("PQ", "SQ", "RQ"))
        np.testing.assert_allclose(found, wanted, atol=1e-9)


def test_the_truth_itself_is_perfect() -> None:
    (gt, segments), *_ = random_images(3)[0]
    whole = [PanopticSegment(s.id, s.label) for s in segments]
    assert panoptic_row(panoptic_counts(gt, gt, whole, whole, CLASSES))["PQ"] == 1.0


def test_exactly_half_is_no_match() -> None:
    gt, pred = np.array([[1, 1, 1, 1]]), np.array([[1, 1, 2, 2]])
    counts = panoptic_counts(gt, pred, [PanopticSegment(1, 0)], [PanopticSegment(1, 0), PanopticSegment(2, 0)], 1)
    assert (counts.matched.sum(), counts.false.sum(), counts.missed.sum()) == (0, 2, 1)
    with pytest.raises(ValueError, match="no segment is to be scored"):
        panoptic_row(PanopticCounts.none(3))


def test_maps_and_lists_must_tell_the_same() -> None:
    ids = np.array([[0, 5]])
    with pytest.raises(ValueError, match="segment 5 of the prediction is in its map or in its list, not in both"):
        panoptic_counts(ids, ids, [PanopticSegment(5, 0)], [], 1)
    with pytest.raises(ValueError, match="two segments of the ground truth have the same id"):
        panoptic_counts(ids, ids, [PanopticSegment(5, 0), PanopticSegment(5, 1)], [PanopticSegment(5, 0)], 2)
    with pytest.raises(ValueError, match=r"\(1, 3\) predicted, \(1, 2\) in the ground truth"):
        panoptic_counts(ids, np.zeros((1, 3), int), [PanopticSegment(5, 0)], [], 1)


def test_only_what_stands_still_can_flicker() -> None:
    rng = np.random.default_rng(0)
    ground = np.kron(rng.integers(60, 200, (16, 24, 3)), np.ones((4, 4, 1), int)).astype(np.uint8)
    before, now = ground.copy(), ground.copy()
    before[20:40, 20:40], now[20:40, 26:46] = (250, 20, 20), (250, 20, 20)  # a square moves six pixels
    still = still_pixels(before, now)
    assert not still[26:34, 28:38].any()
    assert still[:, 70:].mean() > 0.95
    labels = np.zeros(still.shape, np.uint8)
    changed = labels.copy()
    changed[26:34, 28:38] = 1  # where it moved
    assert flicker(labels, changed, still).share == 0.0
    changed[50:54, 80:84] = 1  # where it did not
    found = flicker(labels, changed, still)
    assert found.changed == 16
    assert (found + Flicker()).share == 16 / still.sum()
    assert np.isnan(Flicker().share)
