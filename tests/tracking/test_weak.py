"""What weak detections may do to tracks, and what they may not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vistream.tracking.life import TrackerConfig
from vistream.tracking.tracks import Tracker
from vistream.types import Observations, Track

Array = NDArray[np.float64]
Box = tuple[float, float, float, float]
NO_COAST = TrackerConfig(coast=0.0)
PLACE: Box = (100.0, 100.0, 40.0, 100.0)


def seen(*boxes: Box, weak: tuple[Box, ...] = ()) -> Observations:
    scores = [0.9] * len(boxes) + [0.3] * len(weak)
    return Observations(np.array([*boxes, *weak]).reshape(-1, 4), np.array(scores), ("p",) * len(scores))


def ids(tracks: tuple[Track, ...]) -> list[int]:
    return [track.id for track in tracks]


def followed(last: Observations) -> Tracker:
    """A tracker that saw an object in one place for a second, and then this."""
    tracker = Tracker(NO_COAST, 10.0)
    for _ in range(10):
        tracker.step(seen(PLACE), None)
    tracker.step(last, None)
    return tracker


def test_a_weak_detection_moves_a_track_less_than_a_strong_one() -> None:
    there: Box = (104.0, 100.0, 40.0, 100.0)
    strong, weak = (followed(last).lives[0].belief.position[0, 0] for last in (seen(there), seen(weak=(there,))))
    assert PLACE[0] < weak < strong - 1


def test_a_weak_detection_says_nothing_about_the_noise_of_the_detector() -> None:
    rng = np.random.default_rng(0)
    tracker, before = Tracker(NO_COAST, 10.0), []
    for frame in range(60):
        x, y = rng.normal(0, 1.5, 2) if frame > 30 else (0.0, 0.0)
        moved: Box = (100.0 + x, 100.0 + y, 40.0, 100.0)
        assert ids(tracker.step(seen(weak=(moved,)) if frame > 30 else seen(moved), None)) == [1]
        before.append(tracker.noise.moments.copy())
    np.testing.assert_array_equal(before[30], before[-1])


@pytest.mark.parametrize(("aside", "continues"), [(5.0, True), (12.0, False)])
def test_a_weak_detection_continues_a_track_where_it_covers_most_of_it(aside: float, continues: bool) -> None:
    """12 of 40 pixels aside, two boxes overlap by 0.54: enough for a strong one, but not for a weak one."""
    there: Box = (100.0 + aside, 100.0, 40.0, 100.0)
    assert (followed(seen(weak=(there,))).lives[0].row is not None) == continues
    assert followed(seen(there)).lives[0].row is not None


def test_weak_boxes_about_a_new_object_keep_it_from_nothing() -> None:
    rng, tracker = np.random.default_rng(0), Tracker(NO_COAST, 10.0)
    new: Box = (400.0, 100.0, 40.0, 100.0)
    around: tuple[Box, ...] = ((390.0, 90.0, 60.0, 110.0), (400.0, 100.0, 40.0, 50.0))

    def shaken(*boxes: Box, weak: tuple[Box, ...] = ()) -> tuple[Track, ...]:
        rough = PLACE + rng.normal(0, 4, 4)
        return tracker.step(seen(tuple(rough.tolist()), *boxes, weak=weak), None)

    for _ in range(60):
        shaken()
    assert tracker.noise.exactness < 0.1
    assert [len(shaken(new, weak=around)) for _ in range(2)] == [1, 2]
