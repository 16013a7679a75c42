"""Speeds over the ground, of what moves evenly: however boxes tremble, and however the camera looks at the ground."""

from __future__ import annotations

import numpy as np
import pytest

from vistream.errors import VistreamError
from vistream.tracking.speed import Speedometer, read_scale
from vistream.types import Track


def track(x: float, y: float, seen: bool = True) -> Track:
    """Whose feet are at (x, y)."""
    return Track(1, (x - 10, y - 40, 20, 40), 0.9, "person", seen=seen)


def test_a_trembling_box_has_the_speed_of_its_object() -> None:
    rng = np.random.default_rng(0)
    meter = Speedometer(read_scale("0.05"))
    speeds = []
    for frame in range(75):  # three seconds; 40 pixels a second are 2 metres a second
        (found,) = meter.step([track(100 + 1.6 * frame + rng.normal(0, 1), 200 + rng.normal(0, 1))], frame / 25, None)
        speeds.append(found.speed)
    assert speeds[:8] == [None] * 8
    assert speeds[-1] == pytest.approx(2.0, abs=0.15)
    (lost,) = meter.step([track(400, 200, seen=False)], 3.04, None)
    assert lost.speed is None


def test_four_corners_take_the_perspective_out() -> None:
    """A street of 4 x 20 metres that narrows towards the horizon: evenly on the ground, ever slower in the picture."""
    scale = read_scale("100,300,300,300,230,100,170,100,4,20")
    to_pixels = np.linalg.inv(scale)
    meter = Speedometer(scale)
    for frame in range(100):
        x, y, depth = to_pixels @ (2.0, 4.0 * frame / 25, 1.0)
        (found,) = meter.step([track(x / depth, y / depth)], frame / 25, None)
        assert found.speed is None or found.speed == pytest.approx(4.0, abs=0.01)
    assert found.speed is not None


def test_a_camera_that_moves_makes_speeds_unknown() -> None:
    meter = Speedometer(read_scale("0.05"))
    for frame in range(20):
        meter.step([track(100 + frame, 200)], frame / 25, None)
    (found,) = meter.step([track(120, 200)], 0.8, np.array([[1.0, 0, 3], [0, 1, 0]]))
    assert found.speed is None
    assert Speedometer().step([track(1, 2)], 0.0, None) == (track(1, 2),)


NO_SCALES = ("", "x", "0", "-1", "nan", "inf", "1,2,3", "0,0,1,1,2,2,3,3,4,5", "0,0,9,9,9,0,0,9,4,5")


@pytest.mark.parametrize("text", NO_SCALES)
def test_what_is_no_scale_is_refused(text: str) -> None:
    with pytest.raises(VistreamError, match="--scale is"):
        read_scale(text)
