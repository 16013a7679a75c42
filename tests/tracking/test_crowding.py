"""Objects that stand in each other's way, and those that leave the frame."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vistream.tracking import kalman
from vistream.tracking.kalman import Noise
from vistream.tracking.life import TrackerConfig
from vistream.tracking.mot import MotConfig, MotTracker
from vistream.tracking.tracks import Tracker
from vistream.types import FeatureMap, Observations, Track

Array = NDArray[np.float64]
NO_COAST = TrackerConfig(coast=0.0)


def seen(*boxes: tuple[float, float, float, float]) -> Observations:
    return Observations(np.array(boxes).reshape(-1, 4), np.full(len(boxes), 0.9), ("p",) * len(boxes))


def ids(tracks: tuple[Track, ...]) -> list[int]:
    return [track.id for track in tracks]


def test_a_box_beside_others_proves_itself_for_longer_where_boxes_are_rough() -> None:
    rng, tracker = np.random.default_rng(0), Tracker(NO_COAST, 10.0)
    pair = np.array([[100.0, 100, 40, 100], [150, 100, 40, 100]])

    def shaken(*more: tuple[float, float, float, float]) -> tuple[Track, ...]:
        rough = pair + rng.normal(0, 4, (2, 4))
        return tracker.step(seen(*(tuple(box) for box in rough.tolist()), *more), None)

    for _ in range(60):
        assert ids(shaken()) == [1, 2]
    assert tracker.noise.exactness < 0.1
    between, alone = (125.0, 100.0, 40.0, 100.0), (400.0, 100.0, 40.0, 100.0)
    numbers = [len(ids(shaken(between, alone))) for _ in range(4)]
    assert numbers == [2, 3, 3, 4]


def test_a_box_around_two_is_believed_less_than_one_around_one() -> None:
    def edges(missing: bool) -> Array:
        tracker = Tracker(NO_COAST, 10.0)
        for _ in range(10):
            tracker.step(seen((100, 100, 40, 100), (145, 100, 40, 100) if missing else (300, 100, 40, 100)), None)
        wide = (100.0, 100.0, 85.0, 100.0)
        others = () if missing else ((300.0, 100.0, 40.0, 100.0),)
        tracker.step(seen(wide, *others), None)
        return np.asarray(tracker.lives[0].belief.position[0])

    assert abs(edges(missing=True)[2] - 140) < 0.8 * abs(edges(missing=False)[2] - 140)


def test_doubt_is_noise() -> None:
    noise = Noise(np.full(4, 0.01), np.full(4, 0.02), np.full(4, 0.001), np.full(4, 0.1))
    belief = kalman.predict(kalman.initiate(np.array([[0.0, 0, 10, 10]]), noise), noise)
    measured = np.array([[2.0, 0, 12, 10]])
    noisier = Noise(4 * noise.measured, noise.jump, noise.turn, noise.speed)
    doubted = kalman.update(belief, measured, noise, np.array([4.0]))
    for one, other in zip(doubted.arrays(), kalman.update(belief, measured, noisier).arrays(), strict=True):
        np.testing.assert_allclose(one, other)


@pytest.mark.parametrize("size", [None, (400.0, 300.0)])
def test_who_left_the_frame_is_not_who_enters_it(size: tuple[float, float] | None) -> None:
    tracker = Tracker(NO_COAST, 10.0)
    for x in range(250, 401, 10):
        tracker.step(seen((x, 100, 40, 100)), None, None, size)
    for _ in range(3):
        tracker.step(seen(), None, None, size)
    tracker.step(seen((398, 100, 40, 100)), None, None, size)
    later = tracker.step(seen((395, 100, 40, 100)), None, None, size)
    assert ids(later) == [1 if size is None else 2]


def test_appearance_is_that_of_the_middle_of_a_box() -> None:
    values = np.random.default_rng(0).standard_normal((20, 20, 8)).astype(np.float32)
    other = values.copy()
    other[4:16, [6, 13]] = 9.0  # only the border of the box changes
    remembered = []
    for now in (values, other):
        tracker = MotTracker(MotConfig(core=0.5))
        tracker.step(FeatureMap(now, (8.0, 8.0)), seen((48, 32, 64, 96)))
        remembered.append(tracker.state_dict()["lives"][0].vectors)
    np.testing.assert_array_equal(*remembered)
