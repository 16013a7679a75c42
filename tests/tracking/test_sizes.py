"""Sizes change more slowly than boxes say: how much is learned, and what is reported."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vistream.tracking.life import TrackerConfig
from vistream.tracking.sizes import SizeModel
from vistream.tracking.tracks import Tracker
from vistream.types import Box, Observations, Warp

FPS = 25.0
ZOOM: Warp = np.array([[1.25, 0.0, 0.0], [0.0, 1.25, 0.0]])


def walks(rng: np.random.Generator, error: float, change: float, frames: int = 400) -> list[Box]:
    """An object whose sides wander and are measured with errors, deviations as logarithms."""
    sides = np.log([40.0, 90.0]) + np.cumsum(rng.normal(0, change, (frames, 2)), axis=0)
    return [(0.0, 0.0, w, h) for w, h in np.exp(sides + rng.normal(0, error, (frames, 2))).tolist()]


@pytest.mark.parametrize(("error", "change"), [(0.06, 0.06), (0.02, 0.02), (0.001, 0.05)])
def test_both_variances_are_learned(error: float, change: float) -> None:
    rng, model = np.random.default_rng(3), SizeModel(FPS)
    for _ in range(8):
        first, *others = walks(rng, error, change)
        size = model.begin(first)
        for box in others:
            model.learn(size, box)
    for walk in model._walks:
        assert math.sqrt(walk.measured) == pytest.approx(error, rel=0.15, abs=0.01)
        assert math.sqrt(walk.change) == pytest.approx(change, rel=0.25)


def test_a_known_size_is_closer_than_the_last_measurement() -> None:
    rng, model = np.random.default_rng(5), SizeModel(FPS)
    first, *others = [(0.0, 0.0, *(np.exp(rng.normal(0, 0.1, 2)) * (40, 90)).tolist()) for _ in range(300)]
    size, wrong, measured = model.begin(first), [], []
    for box in others:
        model.learn(size, box)
        model.correct(size, box, 1)
        wrong.append(math.log(size.around(box)[2] / 40))
        measured.append(math.log(box[2] / 40))
    assert np.std(wrong[50:]) < 0.4 * np.std(measured[50:])


def test_after_a_gap_a_measurement_counts_more_and_a_doubtful_one_less() -> None:
    model = SizeModel(FPS)

    def taken(frames: int, doubt: float) -> float:
        size = model.begin((0, 0, 40, 80))
        model.correct(size, (0, 0, 50, 80), frames, doubt)
        return size.around((0, 0, 50, 80))[2]

    assert 40 < taken(1, 9.0) < taken(1, 1.0) < taken(100, 1.0) < 50


@given(st.floats(0.2, 5.0), st.floats(1, 500), st.floats(1, 500))
def test_a_zoom_changes_the_size_and_no_difference(scale: float, width: float, height: float) -> None:
    model = SizeModel(FPS)
    size, same = model.begin((0, 0, width, height)), model.begin((0, 0, width, height))
    size.zoom(scale)
    x, y, w, h = size.around((10, 20, 4, 6))
    assert (w, h) == pytest.approx((scale * width, scale * height))
    assert (x + w / 2, y + h / 2) == pytest.approx((12, 23))
    before = SizeModel(FPS)
    model.learn(size, (0, 0, 1.1 * scale * width, height * scale))
    before.learn(same, (0, 0, 1.1 * width, height))
    assert model.state_dict()["width"]["squares"] == pytest.approx(before.state_dict()["width"]["squares"])


def followed(tracker: Tracker, boxes: list[Box], camera: Warp | None = None) -> list[Box]:
    """What is reported of one object."""
    reported = []
    for box in boxes:
        seen = Observations(np.array([box]), np.array([0.9]), ("person",))
        (track,) = tracker.step(seen, None, camera)
        reported.append(track.box)
    return reported


def test_rough_boxes_are_reported_with_a_steadier_size_and_exact_ones_as_they_are() -> None:
    rng = np.random.default_rng(7)
    middle, sides = np.array([100.0, 200.0]), np.array([40.0, 90.0])
    rough: list[Box] = []
    for _ in range(200):
        w, h = (sides * np.exp(rng.normal(0, 0.12, 2))).tolist()
        x, y = (middle + rng.normal(0, 2, 2)).tolist()
        rough.append((x - w / 2, y - h / 2, w, h))
    reported = followed(Tracker(TrackerConfig(), FPS), rough)
    assert np.std([box[2] for box in reported[50:]]) < 0.35 * np.std([box[2] for box in rough[50:]])
    exact: list[Box] = [(100.0 + n, 50.0, 40.0 + 3 * math.sin(n / 5), 90.0) for n in range(200)]
    assert np.array(followed(Tracker(TrackerConfig(), FPS), exact)[100:]) == pytest.approx(np.array(exact[100:]))


def test_a_predicted_box_has_the_size_that_the_camera_shows() -> None:
    tracker = Tracker(TrackerConfig(coast=1.0), FPS)
    followed(tracker, [(100.0, 50.0, 40.0, 90.0)] * 10)
    (track,) = tracker.step(Observations.none(), None, ZOOM)
    assert not track.seen
    assert track.box[2:] == pytest.approx((50.0, 112.5), rel=0.02)


def test_what_is_known_survives_a_checkpoint() -> None:
    rng = np.random.default_rng(9)
    boxes = walks(rng, 0.1, 0.01, 60)
    whole = followed(Tracker(TrackerConfig(), FPS), boxes)
    first, second = Tracker(TrackerConfig(), FPS), Tracker(TrackerConfig(), FPS)
    followed(first, boxes[:30])
    second.load_state_dict(first.state_dict())
    assert followed(second, boxes[30:]) == whole[30:]
