"""Correlation heads against brute force, and boxes followed from the API and the command line."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.errors import VistreamError
from vistream.evaluate.metrics.overlap import paired_box_iou
from vistream.media.formats.jsonl import read_results
from vistream.tracking.correlation import (
    CorrelationFilter,
    CrossCorrelation,
    Head,
    gaussian_label,
    peak,
    sidelobe_ratio,
)
from vistream.tracking.presence import Presence
from vistream.tracking.sot import SotTracker
from vistream.tracking.sot_config import SotConfig
from vistream.tracking.template import LEAST, Template
from vistream.tracking.whitening import whitening
from vistream.types import Box, FeatureMap, Observations

Window = NDArray[np.float32]
GRID = 15


def noise(seed: int, *shape: int) -> Window:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def heads() -> list[Head]:
    return [CrossCorrelation(GRID, (5, 5)), CorrelationFilter(GRID, (5, 5), 0.2, 1e-4, 0.01)]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(-2, 2), st.integers(-2, 2), st.sampled_from([0, 1]))
def test_a_shifted_window_answers_with_its_shift(seed: int, down: int, across: int, which: int) -> None:
    head, window = heads()[which], noise(seed, GRID, GRID, 8)
    head.learn(window)
    row, column, _ = peak(head.response(np.roll(window, (down, across), axis=(0, 1))))
    assert abs(row - down) < 0.5 and abs(column - across) < 0.5


def test_cross_correlation_is_the_weighted_mean_cosine() -> None:
    head, window, later = CrossCorrelation(GRID, (5, 3)), noise(1, GRID, GRID, 4), noise(2, GRID, GRID, 4)
    head.learn(window)
    response = head.response(later)
    units = [w / np.linalg.norm(w, axis=2, keepdims=True) for w in (window, later)]
    around = np.ones((GRID, GRID), bool)
    around[4:11, 5:10] = False  # the object, and what touches it
    likest = (units[0][5:10, 6:9].reshape(-1, 4) @ units[0][around].T).max(axis=1)
    weights = np.maximum(1 - likest, LEAST).reshape(5, 3)
    for down, across in ((0, 0), (2, -3), (-1, 4)):
        moved = np.roll(units[1], (-down, -across), axis=(0, 1))
        cosines = (units[0] * moved).sum(axis=2)[5:10, 6:9]
        assert response[down, across] == pytest.approx((weights * cosines).sum() / weights.sum(), abs=1e-5)


def test_cells_that_have_their_like_around_weigh_little() -> None:
    cells = np.eye(4, dtype=np.float32)
    template = Template.of(cells, cells[:3])
    weights = np.linalg.norm(template.values, axis=1)
    assert weights.sum() == pytest.approx(1.0) and weights[3] > 10 * weights[:3].max()
    template = Template.of(cells, cells[:0])
    np.testing.assert_allclose(template.values, cells / 4)
    template.weigh(np.array([1, 0, 1, 0], np.float32))
    np.testing.assert_allclose(template.values, cells * [[0.5], [0], [0.5], [0]])


def test_the_filter_gives_its_label_for_what_it_learned() -> None:
    """With one channel and no taper to speak of, the solution of equation 3 of the paper is exact."""
    head, window = CorrelationFilter(GRID, (5, 5), 0.2, 1e-9, 0.01), noise(3, GRID, GRID, 1)
    head.learn(window)
    np.testing.assert_allclose(head.response(window), gaussian_label(GRID, (5, 5), 0.2), atol=1e-3)


def test_the_filter_learns_on_and_cross_correlation_does_not() -> None:
    first, later = noise(4, GRID, GRID, 6), noise(5, GRID, GRID, 6)
    for head, learns in zip(heads(), (False, True), strict=True):
        head.learn(first)
        before = head.response(later)
        head.learn(later)
        assert np.allclose(before, head.response(later)) != learns


TEXTURE = noise(6, 40, 40, 12)


def scene(box: Box, seed: int) -> FeatureMap:
    """A grid of 60 x 80 cells of 8 pixels: a texture stretched into `box`, over what is almost nothing."""
    values = 0.1 * noise(seed, 60, 80, 12)
    x, y, w, h = (round(value / 8) for value in box)
    values[y : y + h, x : x + w] = np.dstack(cv2.split(cv2.resize(cv2.blur(TEXTURE, (3, 3)), (w, h))))
    return FeatureMap(values, (8.0, 8.0))


@pytest.mark.parametrize("head", ["dcf", "xcorr"])
def test_a_moving_box_is_followed(head: str) -> None:
    tracker = SotTracker(SotConfig(head=head))
    start: Box = (120.0, 80.0, 120.0, 160.0)
    assert tracker.add_object(start) == 1
    for frame in range(10):
        box: Box = (120.0 + 16 * frame, 80.0 + 8 * frame, 120.0, 160.0)
        track = tracker.step(scene(box, frame), Observations.none())[0]
        assert 0.0 <= track.score <= 1.0
        assert paired_box_iou(np.array([box]), np.array([track.box]))[0] > 0.75


@pytest.mark.parametrize("grows", [(6, 0), (0, 6), (6, 6)])
def test_each_side_of_a_box_follows_the_object(grows: tuple[int, int]) -> None:
    tracker = SotTracker(SotConfig(scale_step=1.05))
    tracker.add_object((160.0, 120.0, 120.0, 160.0))
    for frame in range(10):
        w, h = 120.0 + grows[0] * frame, 160.0 + grows[1] * frame
        box: Box = (220.0 - w / 2, 200.0 - h / 2, w, h)
        found = tracker.step(scene(box, frame), Observations.none())[0].box
    assert found[2] == pytest.approx(w, rel=0.1) and found[3] == pytest.approx(h, rel=0.1)


def test_size_and_place_stay_within_limits() -> None:
    tracker = SotTracker(SotConfig(size_limits=(0.9, 1.1), shape_limit=1.05))
    tracker.add_object((0.0, 0.0, 100.0, 50.0))
    for seed in range(12):
        x, y, w, h = tracker.step(FeatureMap(noise(seed, 20, 30, 4), (8.0, 8.0)), Observations.none())[0].box
        assert 90 - 1e-9 <= w <= 110 + 1e-9 and 45 - 1e-9 <= h <= 55 + 1e-9
        assert 2 / 1.05 - 1e-9 <= w / h <= 2 * 1.05 + 1e-9
        assert 0 <= x + w / 2 <= 240 and 0 <= y + h / 2 <= 160


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_whitened_vectors_vary_alike_in_all_directions(seed: int) -> None:
    vectors = noise(seed, 200, 5) @ noise(seed + 1, 5, 5)
    vectors -= vectors.mean(axis=0)
    white = vectors @ whitening(vectors, 0.0)
    variance = float((vectors**2).sum(axis=1).mean()) / 5
    np.testing.assert_allclose(white.T @ white / 200, variance * np.eye(5), atol=0.01 * variance)
    untouched = whitening(vectors, 1e6) * 1e3
    np.testing.assert_allclose(untouched, np.eye(5), atol=1e-3)
    assert np.array_equal(whitening(np.zeros((9, 3), np.float32), 0.3), np.eye(3))


def test_what_everything_shares_hides_no_object() -> None:
    """A strong pattern over the whole frame, in two channels, which stays where it is while the object moves."""
    pattern = np.zeros((60, 80, 12), np.float32)
    pattern[:, :, 10:] = 2 * cv2.blur(noise(7, 60, 80, 2), (3, 3))
    overlaps = []
    for regularisation in (0.3, 1e6):
        tracker = SotTracker(SotConfig(whitening=regularisation))
        tracker.add_object((120.0, 80.0, 96.0, 96.0))
        for frame in range(8):
            box: Box = (120.0 + 16 * frame, 80.0 + 8 * frame, 96.0, 96.0)
            values = scene(box, frame).values + pattern
            found = tracker.step(FeatureMap(values, (8.0, 8.0)), Observations.none())[0].box
        overlaps.append(paired_box_iou(np.array([box]), np.array([found]))[0])
    assert overlaps[0] > 0.7 > 0.2 > overlaps[1]


def test_a_hidden_object_moves_on_and_is_found_again() -> None:
    """For six frames something else covers all that the object could be: its box is predicted, and marked."""
    tracker = SotTracker()
    start: Box = (80.0, 160.0, 96.0, 96.0)
    tracker.add_object(start)
    seen = []
    for frame in range(20):
        box: Box = (start[0] + 8 * frame, *start[1:])
        features = scene(box, frame)
        if 10 <= frame < 16:
            features.values[:] = noise(100 + frame, *features.values.shape)
        track = tracker.step(features, Observations.none())[0]
        seen.append(track.seen)
        if frame >= 10:
            assert paired_box_iou(np.array([box]), np.array([track.box]))[0] > 0.4
        assert track.seen or track.score == 0.0
    assert seen == [not 10 <= frame < 16 for frame in range(20)]
    assert paired_box_iou(np.array([box]), np.array([track.box]))[0] > 0.75


def test_an_object_that_changes_but_stands_out_is_not_hidden() -> None:
    """Three quarters of its channels change in every frame, so its likeness falls below half; nothing else is there."""
    tracker = SotTracker()
    start: Box = (80.0, 160.0, 96.0, 96.0)
    tracker.add_object(start)
    scores: list[float] = []
    for frame in range(14):
        box: Box = (start[0] + 8 * frame, *start[1:])
        features = scene(box, 0)
        if frame >= 8:
            x, y, w, h = (round(value / 8) for value in box)
            features.values[y : y + h, x : x + w, :9] = features.values.std() * noise(frame, h, w, 9)
        track = tracker.step(features, Observations.none())[0]
        scores.append(track.score)
        assert track.seen
    assert max(scores[8:]) < 0.5 * min(scores[:8])
    assert paired_box_iou(np.array([box]), np.array([track.box]))[0] > 0.6


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.1, 10.0), st.floats(-5.0, 5.0))
def test_the_sidelobe_ratio_does_not_depend_on_scale_and_offset(seed: int, scale: float, offset: float) -> None:
    response = noise(seed, GRID, GRID).astype(np.float64)
    response[2, 13] = 9.0
    ratio = sidelobe_ratio(response, (2.3, -2.0), 2.0)
    assert ratio > 6.0
    assert sidelobe_ratio(scale * response + offset, (2.3, -2.0), 2.0) == pytest.approx(ratio)
    response[(0, 4, 1), (13, 13, 0)] = 9.0  # all within two cells of the peak, over the edge as well
    assert sidelobe_ratio(response, (2.3, -2.0), 2.0) == pytest.approx(ratio)
    assert sidelobe_ratio(np.zeros((GRID, GRID)), (0.0, 0.0), 2.0) == 0.0


def test_presence_knows_its_own_measure() -> None:
    presence = Presence()
    for likeness in (0.9, 0.6, 0.4):
        assert not presence.hidden(0.0, 0.0)  # the first frames are taken as they are
        presence.found(likeness, (4.0, 0.0), (40.0, 40.0))
    assert presence.usual == pytest.approx(0.4)
    assert presence.hidden(0.19, 7.9) and not presence.hidden(0.21, 7.9)
    assert not presence.hidden(0.19, 8.1)  # unlike its template, but it stands out: it has turned
    speed = presence.velocity[0]
    steps = [presence.missed()[0] for _ in range(50)]
    assert all(0 <= after < before for before, after in zip([speed, *steps], steps, strict=False))
    assert not presence.hidden(0.19, 7.9)  # it has been looked for so long that less will do
    presence.found(0.4, (20.0, 0.0), (40.0, 40.0))
    assert presence.velocity == (0.0, 0.0)  # found anew, half its width away


def test_objects_come_and_go() -> None:
    tracker = SotTracker()
    assert [tracker.add_object((8.0, 8.0, 40.0, 40.0)), tracker.add_object((90.0, 9.0, 40.0, 40.0))] == [1, 2]
    tracker.remove_object(1)
    assert [track.id for track in tracker.step(scene((8, 8, 40, 40), 0), Observations.none())] == [2]
    with pytest.raises(VistreamError, match="no object 1"):
        tracker.remove_object(1)
    with pytest.raises(VistreamError, match="x, y, w, h"):
        tracker.add_object((1.0, 2.0, 0.0, 5.0))
    with pytest.raises(VistreamError, match="needs a model"):
        tracker.step(None, Observations.none())
    tracker.reset()
    assert tracker.add_object((8.0, 8.0, 40.0, 40.0)) == 1


def test_the_command_follows_a_box(tmp_path: Path) -> None:
    background = np.random.default_rng(0).integers(0, 90, (160, 240, 3), dtype=np.uint8)
    thing = np.random.default_rng(1).integers(100, 255, (8, 8, 3), dtype=np.uint8).repeat(6, 0).repeat(6, 1)
    (tmp_path / "clip").mkdir()
    for frame in range(5):
        picture = background.copy()
        picture[50:98, 40 + 6 * frame : 88 + 6 * frame] = thing
        Image.fromarray(picture).save(tmp_path / "clip" / f"{frame}.png")
    out = tmp_path / "out.jsonl"
    arguments = ["track", str(tmp_path / "clip"), "--task", "sot", "--jsonl", str(out)]
    result = CliRunner().invoke(app, [*arguments, "--init-box", "40,50,48,48"])
    assert result.exit_code == 0, result.output
    last = list(read_results(out))[-1].tracks[0].box
    assert paired_box_iou(np.array([(64.0, 50.0, 48.0, 48.0)]), np.array([last]))[0] > 0.6
    for wrong, message in (("1,2,3", "four numbers"), ("1,2,-3,4", "above 0")):
        result = CliRunner().invoke(app, [*arguments, "--init-box", wrong])
        assert result.exit_code != 0 and message in str(result.exception) + result.output
