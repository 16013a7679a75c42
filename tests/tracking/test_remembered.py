"""Where boxes are exact: what vanished inside the frame is remembered, and a box around two objects is not believed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.tracking.life import TrackerConfig
from vistream.tracking.similarity import unit_vectors
from vistream.tracking.tracks import Tracker
from vistream.types import Observations

FPS = 10.0
SIZE = (400.0, 300.0)
NO_COAST = TrackerConfig(coast=0.0)
STANDING = (100.0, 20.0, 40.0, 100.0)
_RANDOM = np.random.default_rng(5)
LOOKS = {row: unit_vectors(_RANDOM.standard_normal((12, 16)).astype(np.float32)) for row in (0, 1)}


def at(*boxes: Sequence[float] | NDArray[np.float64]) -> Observations:
    return Observations(np.array(boxes, float).reshape(-1, 4), np.full(len(boxes), 0.9), ("p",) * len(boxes))


def watched(shaken: float, stop: float) -> Tracker:
    """A tracker that saw one object stand, the other walk to the right until its left edge was at `stop`."""
    tracker, rng = Tracker(NO_COAST, FPS), np.random.default_rng(3)
    for frame in range(150):
        walking = (min(20.0 + 4 * frame, stop), 150.0, 40.0, 100.0)
        boxes = np.array([STANDING, walking]) + shaken * rng.standard_normal((2, 4))
        tracker.step(at(*boxes), LOOKS, None, SIZE)
    return tracker


def returns(tracker: Tracker, seconds: float, x: float) -> int:
    """The id that the walking object has when it is seen again."""
    for _ in range(round(seconds * FPS)):
        tracker.step(at(STANDING), LOOKS, None, SIZE)
    for _ in range(6):
        tracks = tracker.step(at(STANDING, (x, 150, 40, 100)), LOOKS, None, SIZE)
    return tracks[-1].id


@pytest.mark.parametrize(("seconds", "same"), [(1.5, True), (12.0, True), (16.0, False)])
def test_what_vanished_inside_the_frame_is_remembered_for_long(seconds: float, same: bool) -> None:
    assert returns(watched(0.0, 250), seconds, 250) == (2 if same else 3)


def test_what_left_the_frame_is_forgotten_soon() -> None:
    assert returns(watched(0.0, 390), 4.0, 390) == 3


def test_where_boxes_are_rough_nothing_is_remembered_for_long() -> None:
    assert returns(watched(6.0, 250), 12.0, 250) == 3


def test_how_long_may_be_said_and_not_be_negative() -> None:
    with pytest.raises(VistreamError, match="exact_buffer is -1"):
        TrackerConfig(exact_buffer=-1)


def test_a_box_around_two_is_not_reported_as_that_of_one() -> None:
    tracker, left, right = Tracker(NO_COAST, FPS), (100.0, 100.0, 40.0, 100.0), (130.0, 100.0, 40.0, 100.0)
    for _ in range(60):
        tracker.step(at(left, right), None, None, SIZE)
    (track,) = tracker.step(at((100, 100, 60, 100)), None, None, SIZE)
    assert abs(track.box[2] - 40) < 10


def test_an_object_behind_the_box_of_another_is_reported_while_it_is_known_where() -> None:
    tracker, front, behind = Tracker(TrackerConfig(), FPS), (100.0, 100.0, 40.0, 100.0), (130.0, 100.0, 40.0, 100.0)
    for _ in range(60):
        tracker.step(at(front, behind), None, None, SIZE)
    hidden = [tracker.step(at((100, 100, 60, 100)), None, None, SIZE) for _ in range(60)]
    (found, covered) = hidden[3]
    assert (found.seen, found.covered) == (True, False)
    assert (covered.seen, covered.covered) == (False, True)
    assert covered.score == pytest.approx(0.45)
    assert covered.box == pytest.approx(behind, abs=2)
    assert [track.covered for track in hidden[-1]] == [False]


def test_an_object_that_nothing_covers_is_not_reported_for_long() -> None:
    tracker, left, right = Tracker(TrackerConfig(), FPS), (100.0, 100.0, 40.0, 100.0), (300.0, 100.0, 40.0, 100.0)
    for _ in range(60):
        tracker.step(at(left, right), None, None, SIZE)
    frames = [tracker.step(at(left), None, None, SIZE) for _ in range(4)]
    assert [track.covered for track in frames[0]] == [False, False]
    assert len(frames[-1]) == 1
