"""A camera that turns away from an object and back to it."""

from __future__ import annotations

import numpy as np
import pytest

from vistream.tracking.life import TrackerConfig
from vistream.tracking.tracks import Tracker
from vistream.types import Observations, Warp

FPS = 10.0
SIZE = (400.0, 300.0)


def at(x: float | None) -> Observations:
    boxes = np.array([] if x is None else [[x, 100.0, 40.0, 100.0]]).reshape(-1, 4)
    return Observations(boxes, np.full(len(boxes), 0.9), ("p",) * len(boxes))


def shift(x: float) -> Warp:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, 0.0]])


@pytest.mark.parametrize(("turns", "seconds", "same"), [(True, 4, True), (True, 6, False), (False, 4, False)])
def test_what_the_camera_turned_away_from_is_remembered_for_longer(turns: bool, seconds: int, same: bool) -> None:
    tracker = Tracker(TrackerConfig(coast=0.0), FPS)
    for _ in range(10):
        tracker.step(at(100), None, None, SIZE)
    half = seconds * int(FPS) // 2
    for step in (*[-20.0] * half, *[20.0] * half):
        tracker.step(at(None), None, shift(step) if turns else None, SIZE)
    tracker.step(at(100), None, None, SIZE)
    assert [track.id for track in tracker.step(at(100), None, None, SIZE)] == [1 if same else 2]
