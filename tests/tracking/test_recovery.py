"""Single objects that were lost are found again, farther away than the search window reaches; others stay."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.evaluate.metrics.overlap import paired_box_iou
from vistream.pipeline.checkpoint import load_checkpoint, pack, write_checkpoint
from vistream.tracking.correlation import CrossCorrelation
from vistream.tracking.recovery import ENOUGH, EVERY, FIRST, WEAK, Recovery
from vistream.tracking.sot import SotTracker
from vistream.tracking.sot_config import SotConfig
from vistream.types import Box, FeatureMap, Observations

START: Box = (96.0, 192.0, 64.0, 96.0)
AWAY: Box = (START[0] + 3.5 * START[2], *START[1:])  # the search window reaches 1.75 widths to each side
NONE = Observations.none()


def noise(seed: int, *shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


TEXTURE = cv2.blur(noise(6, 12, 8, 4), (3, 3))


def scene(box: Box | None, seed: int) -> FeatureMap:
    """A grid of 60 x 80 cells of 8 pixels: noise, and in the `box`, of 8 x 12 cells, an object."""
    values = 0.1 * noise(seed, 60, 80, 4)
    if box is not None:
        x, y = round(box[0] / 8), round(box[1] / 8)
        values[y : y + 12, x : x + 8] = TEXTURE
    return FeatureMap(values, (8.0, 8.0))


def followed(config: SotConfig, places: Sequence[Box | None]) -> list[Box]:
    tracker = SotTracker(config)
    tracker.add_object(START)
    return [tracker.step(scene(place, n), NONE)[0].box for n, place in enumerate(places)]


@pytest.mark.parametrize("farther", [65, 0])
def test_what_was_lost_is_found_farther_away(farther: int) -> None:
    boxes = followed(SotConfig(farther=farther), [START] * 10 + [AWAY] * (EVERY + 3))
    overlaps = paired_box_iou(np.array([AWAY] * (EVERY + 3)), np.array(boxes[10:]))
    assert overlaps[: EVERY - 1].max() == 0.0
    assert overlaps[-1] > 0.6 if farther else overlaps.max() == 0.0


def test_the_search_goes_on_after_a_checkpoint(tmp_path: Path) -> None:
    places = [START] * 10 + [AWAY] * (EVERY + 3)
    first, second = SotTracker(), SotTracker()
    first.add_object(START)
    for n, place in enumerate(places):
        if n == 20:  # lost, and half of the way to the search
            write_checkpoint(tmp_path / "a.resume", *pack(first.state_dict()))
            second.load_state_dict(load_checkpoint(tmp_path / "a.resume"))
        track = first.step(scene(place, n), NONE)[0]
        if n >= 20:
            assert second.step(scene(place, n), NONE)[0] == track
    assert paired_box_iou(np.array([AWAY]), np.array([track.box]))[0] > 0.6


def test_nothing_is_found_where_nothing_is() -> None:
    places: list[Box | None] = [START] * 10 + [None] * 20
    assert followed(SotConfig(), places) == followed(SotConfig(farther=0), places)


@given(st.lists(st.floats(0, 1), min_size=FIRST, max_size=60))
def test_it_looks_farther_only_after_weak_frames_in_a_row(likenesses: list[float]) -> None:
    recovery, last = Recovery(), 0
    for frame, likeness in enumerate(likenesses, start=1):
        due = recovery.due(likeness)
        assert 0.0 <= recovery.best <= 1.0
        if likeness >= WEAK * recovery.best:
            last = frame
        assert due == (frame > last and (frame - last) % EVERY == 0)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 20))
def test_it_goes_only_where_it_is_likelier(here: float, there: float, ratio: float) -> None:
    recovery = Recovery(best=0.5, frames=FIRST)
    if recovery.better(here, there, ratio):
        assert there > here and there > ENOUGH * 0.5 and not recovery.better(there, here, ratio)


def test_a_template_answers_on_a_wider_window_as_on_its_own() -> None:
    head, wide = CrossCorrelation(15, (5.0, 5.0)), noise(2, 21, 21, 4)
    head.learn(noise(1, 15, 15, 4))
    near, far = head.response(wide[3:18, 3:18]), head.on(21).response(wide)
    steps = np.arange(-5, 6)  # so far, the object's box stays within the narrower window
    assert far[np.ix_(steps, steps)] == pytest.approx(near[np.ix_(steps, steps)], abs=1e-5)


@pytest.mark.parametrize("farther", [64, 31])
def test_the_wider_window_is_odd_and_wider(farther: int) -> None:
    with pytest.raises(VistreamError, match="farther"):
        SotConfig(farther=farther)
