"""Colours of small single objects: what belongs to them, and where they are found by them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vistream.tracking.likelihood import RATE, ColourLikelihood, window_colours
from vistream.tracking.sot import SotTracker
from vistream.tracking.sot_config import SotConfig
from vistream.types import FeatureMap, Frame, Observations

GRID, SIDE = 33, 33 / 4.5


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_a_likelihood_is_a_share(seed: int) -> None:
    random = np.random.default_rng(seed)
    window = random.integers(0, 256, (GRID, GRID, 3), np.uint8)
    colours = ColourLikelihood.of(window, SIDE)
    assert colours.object.sum() == pytest.approx(1.0) and colours.surroundings.sum() == pytest.approx(1.0)
    likely = colours.likelihood(random.integers(0, 256, (GRID, GRID, 3), np.uint8))
    assert likely.dtype == np.float32 and 0.0 <= likely.min() <= likely.max() <= 1.0


def test_colours_of_both_and_of_neither_say_nothing() -> None:
    window = np.full((GRID, GRID, 3), 100, np.uint8)
    likely = ColourLikelihood.of(window, SIDE).likelihood(np.stack([window, window + 100])[:, 0])
    assert np.allclose(likely, 0.5)


def test_an_object_that_changes_its_colour_is_learned_anew() -> None:
    before, after = np.full((2, GRID, GRID, 3), 100, np.uint8)
    middle = slice(GRID // 2 - 3, GRID // 2 + 4)
    before[middle, middle], after[middle, middle] = 200, 30
    colours = ColourLikelihood.of(before, SIDE)
    assert colours.likelihood(after)[GRID // 2, GRID // 2] == pytest.approx(0.5)  # never seen
    for frame in range(1, 4):
        colours.learn(after, SIDE)
        assert colours.object.max() == pytest.approx((1 - RATE) ** frame)
    assert colours.likelihood(after)[GRID // 2, GRID // 2] > 0.9
    assert colours.likelihood(before)[GRID // 2, GRID // 2] > 0.9  # not forgotten yet


def test_a_window_beyond_the_frame_repeats_its_border() -> None:
    frame = np.zeros((20, 30, 3), np.uint8)
    frame[:, 13:] = 250
    found = window_colours(frame, np.array([5.0, -40.0, 40.0, 100.0]), 5)
    assert found.shape == (5, 5, 3) and (found[:, 0] == 0).all() and (found[:, 2:] == 250).all()


def shirts(x: int) -> Frame:
    """A red shirt at `x`, a green one 80 pixels to the right, 32 x 64 pixels each, before grey."""
    frame = np.full((240, 480, 3), 128, np.uint8)
    for left, colour in ((x, (220, 20, 20)), (x + 80, (20, 220, 20))):
        frame[80:144, left : left + 32] = colour
    return frame


def twins(x: int) -> FeatureMap:
    """The same as a network made blind to colour has it: two like objects before hardly anything."""
    values = 0.05 * np.random.default_rng(x).standard_normal((30, 60, 8)).astype(np.float32)
    shape = np.random.default_rng(0).standard_normal((8, 4, 8)).astype(np.float32)
    for left in (x // 8, x // 8 + 10):
        values[10:18, left : left + 4] += shape
    return FeatureMap(values, (8.0, 8.0))


@pytest.mark.parametrize("colours", [0.0, 0.3])
def test_small_objects_that_look_alike_are_told_by_their_colours(colours: float) -> None:
    """Both jump 64 pixels to the left: where the red one was, the green one is nearly."""
    tracker = SotTracker(SotConfig(colours=colours))
    tracker.add_object((200.0, 80.0, 32.0, 64.0))
    for x in (200, 200, 136):
        track = tracker.step(twins(x), Observations.none(), frame=shirts(x))[0]
    assert track.box[0] == pytest.approx(136.0 if colours else 216.0, abs=6.0)
