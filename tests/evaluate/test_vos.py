"""J and F against a pixel-by-pixel evaluation of the published definitions, and small cases by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vistream.evaluate.metrics.vos import boundary_accuracy, decay, jaccard, score_objects

Mask = NDArray[np.bool_]
Labels = NDArray[np.uint8]


def brute_force_boundary(mask: Mask) -> list[tuple[int, int]]:
    """A pixel is on the contour when one of its right, lower and lower-right neighbours (inside the frame)
    differs.
    """
    height, width = mask.shape
    contour = []
    for y in range(height):
        for x in range(width):
            around = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            if any(mask[v, u] != mask[y, x] for v, u in around if v < height and u < width):
                contour.append((y, x))
    return contour


def brute_force_f(gt: Mask, pred: Mask) -> float:
    ground_truth, guess = brute_force_boundary(gt), brute_force_boundary(pred)
    if not ground_truth or not guess:
        return float(len(ground_truth) == len(guess))
    reach = np.ceil(0.008 * np.sqrt(gt.shape[0] ** 2 + gt.shape[1] ** 2)) ** 2

    def near(pixel: tuple[int, int], others: list[tuple[int, int]]) -> bool:
        return any((pixel[0] - y) ** 2 + (pixel[1] - x) ** 2 <= reach for y, x in others)

    precision = sum(near(p, ground_truth) for p in guess) / len(guess)
    recall = sum(near(p, guess) for p in ground_truth) / len(ground_truth)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def blob(seed: int, height: int, width: int) -> Mask:
    """A ragged disc, or nothing, or everything."""
    rng = np.random.default_rng(seed)
    if rng.random() < 0.1:
        return np.full((height, width), rng.random() < 0.5)
    y, x = np.mgrid[:height, :width]
    cy, cx, r = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(2, height / 2)
    return np.asarray((np.hypot(y - cy, x - cx) < r) ^ (rng.random((height, width)) < 0.02))


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.sampled_from([(12, 17), (40, 30), (9, 160)]))
@settings(max_examples=60, deadline=None)
def test_f_equals_a_search_over_all_pairs_of_pixels(first: int, second: int, size: tuple[int, int]) -> None:
    gt, pred = blob(first, *size), blob(second, *size)
    assert boundary_accuracy(gt, pred) == pytest.approx(brute_force_f(gt, pred), abs=1e-12)
    assert boundary_accuracy(pred, gt) == pytest.approx(boundary_accuracy(gt, pred), abs=1e-12)


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_j_counts_pixels(first: int, second: int) -> None:
    gt, pred = blob(first, 12, 17), blob(second, 12, 17)
    pairs = list(zip(gt.ravel().tolist(), pred.ravel().tolist(), strict=True))
    union = sum(a or b for a, b in pairs)
    assert jaccard(gt, pred) == (sum(a and b for a, b in pairs) / union if union else 1.0)


def test_a_wide_frame_has_a_wide_tolerance() -> None:
    """480 x 854: the radius is ceil(0.008 * 979.7) = 8; a contour moved by 8 is right, one moved by 9
    mostly wrong.
    """
    mask = np.zeros((480, 854), np.bool_)
    mask[100:300, 200:500] = True
    assert boundary_accuracy(mask, np.roll(mask, 8, axis=1)) == 1.0
    assert boundary_accuracy(mask, np.roll(mask, 9, axis=1)) < 0.65


def maps(*rows: list[int]) -> list[Labels]:
    """One-row label maps, a frame each."""
    return [np.array([row], dtype=np.uint8) for row in rows]


def test_first_and_last_frame_are_not_scored() -> None:
    scores = score_objects(maps([1, 1], [1, 1], [1, 1], [1, 1]), maps([0, 0], [1, 1], [0, 1], [0, 0]))
    assert scores[1].j.tolist() == [1.0, 0.5]
    assert scores[1].row()["J-Mean"] == 0.75
    assert scores[1].row()["J-Recall"] == 0.5  # one half is not above one half


def test_each_object_is_scored_on_its_own_and_void_not_at_all() -> None:
    ground_truth = maps([1, 2, 0, 0], [1, 2, 255, 0], [1, 2, 0, 0])
    guess = maps([0, 0, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0])
    scores = score_objects(ground_truth, guess)
    assert sorted(scores) == [1, 2]
    assert scores[1].j.tolist() == [0.5]  # pixels 0 and 1 claimed, pixel 0 right, pixel 2 void
    assert scores[2].j.tolist() == [0.0]


def test_an_object_that_left_and_is_not_predicted_is_right() -> None:
    scores = score_objects(maps([1, 0], [0, 0], [0, 0]), maps([1, 0], [0, 0], [0, 0]))
    assert (scores[1].j.tolist(), scores[1].f.tolist()) == ([1.0], [1.0])


@pytest.mark.parametrize(
    ("values", "lost"),
    [
        ([0.7], 0.0),  # every quarter is the one frame
        ([1.0, 0.0], 1.0),  # edges 1 1 2 2 2: the first quarter is frame 1, the last is frame 2
        ([1.0, 1.0, 0.8, 0.5, 0.5], 0.5),  # edges 1 2 3 4 5: mean(1, 1) - mean(0.5, 0.5)
        ([0.9] * 8, 0.0),
    ],
)
def test_decay_by_hand(values: list[float], lost: float) -> None:
    assert decay(np.array(values)) == pytest.approx(lost)


def test_decay_of_a_long_clip() -> None:
    """300 frames falling from 1 to 0: quarters of 76 frames, their centres 223 or 224 frames apart."""
    assert decay(np.linspace(1, 0, 300)) == pytest.approx(0.75, abs=0.005)


@pytest.mark.parametrize(
    ("ground_truth", "guess", "complaint"),
    [
        (maps([1], [1]), maps([1], [1]), "2 frames"),
        (maps([0], [1], [1]), maps([0], [1], [1]), "the first frame has no object"),
        (maps([1, 1]), maps([1]), "frame 0"),
    ],
)
def test_what_cannot_be_scored_is_refused(ground_truth: list[Labels], guess: list[Labels], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        score_objects(ground_truth, guess)
