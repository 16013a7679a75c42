"""What moves in a window, the camera's motion taken out, and objects that stand before what looks like them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vistream.tracking.movement import FRAMES, LAG, Movement, carried, mean_in_box
from vistream.tracking.sot import SotTracker
from vistream.tracking.sot_config import SotConfig
from vistream.types import FeatureMap, Observations

Array = NDArray[np.float32]
GRID, CELL = 21, 8.0
FRAME = np.array([-1e6, -1e6, 2e6, 2e6])  # without a border
NOTHING = np.zeros(12, np.float32)


def noise(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


WORLD = noise(0, 80, 80, 12)


def window(row: int, column: int) -> tuple[Array, NDArray[np.float64]]:
    """The cells of the world from a row and column on, and where they are in a camera that looks at all of it."""
    cells = WORLD[row : row + GRID, column : column + GRID]
    return cells, np.array([column, row, GRID, GRID], np.float64) * CELL


@settings(max_examples=20, deadline=None)
@given(st.sampled_from((-6, -2, 0, 4)), st.sampled_from((-4, 0, 2, 6)))
def test_what_only_the_camera_moves_has_not_moved(right: int, down: int) -> None:
    movement = Movement()
    cells, box = window(30, 30)
    assert not movement.compare(cells, NOTHING, box, FRAME).any()  # there is nothing to compare with yet
    movement.carry(np.array([[1.0, 0.0, right * CELL], [0.0, 1.0, down * CELL]]))
    moved = movement.compare(WORLD[30 - down : 51 - down, 30 - right : 51 - right], NOTHING, box, FRAME)
    assert moved.shape == (GRID, GRID) and moved.max() < 1e-3


def test_what_is_new_has_moved() -> None:
    movement = Movement()
    cells, box = window(30, 30)
    movement.compare(cells, NOTHING, box, FRAME)
    later = cells.copy()
    later[6:13, 8:15] = noise(1, 7, 7, 12)
    moved = movement.compare(later, NOTHING, box, FRAME)
    assert moved[7:12, 9:14].mean() > 0.8
    assert moved[:5].max() < 1e-3 and moved[14:].max() < 1e-3
    around = mean_in_box(moved, 7.0)
    assert around.argmax() == 9 * GRID + 11


def test_nothing_is_said_of_what_was_not_seen() -> None:
    """Neither beyond the earlier window, nor beyond the frame that it saw."""
    movement = Movement()
    cells, box = window(30, 30)
    right_half = np.array([40 * CELL, 0.0, 1e6, 1e6])
    movement.compare(cells, NOTHING, box, right_half)
    elsewhere = box + np.array([0.0, 10 * CELL, 0.0, 0.0])
    moved = movement.compare(noise(2, GRID, GRID, 12), NOTHING, elsewhere, FRAME)
    assert moved[:9, 12:].mean() > 0.8
    assert not moved[12:].any() and not moved[:, :9].any()


def test_the_mean_of_the_features_does_not_matter() -> None:
    box = window(30, 30)[1]
    earlier, later = noise(3, GRID, GRID, 12), noise(4, GRID, GRID, 12)
    found = []
    for shift in (0.0, 5.0):
        movement, middle = Movement(), NOTHING + np.float32(shift)
        movement.compare(earlier, middle, box, FRAME)
        found.append(movement.compare(later, middle, box, FRAME))
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


def test_cells_that_move_with_the_object_weigh_more() -> None:
    movement = Movement()
    cells, box = window(30, 30)
    movement.compare(cells, NOTHING, box, FRAME)
    later = cells.copy()
    later[4:16, 4:10] = noise(5, 12, 6, 12)  # the left half of the object
    movement.compare(later, NOTHING, box, FRAME)
    there = np.array([34.0, 34.0, 12.0, 12.0]) * CELL
    weights = movement.found(there, 6)
    assert weights is not None and weights[:, :2].min() > 5 * weights[:, 4:].max()
    assert 0.3 < movement.usual < 0.6
    for _ in range(FRAMES):
        weights = movement.found(there, 6)
    assert weights is None


def test_where_nothing_moves_all_cells_weigh_the_same() -> None:
    movement = Movement()
    cells, box = window(30, 30)
    for _ in range(LAG + 3):
        movement.compare(cells, NOTHING, box, FRAME)
        weights = movement.found(np.array([34.0, 34.0, 12.0, 12.0]) * CELL, 6)
    assert len(movement.past) == LAG and movement.usual == 0.0
    assert weights is not None and np.array_equal(weights, np.ones((6, 6)))


def test_boxes_are_zoomed_with_the_camera() -> None:
    boxes = carried(np.array([[10.0, 20.0, 30.0, 40.0]]), np.array([[0.0, -2.0, 5.0], [2.0, 0.0, 0.0]]))
    np.testing.assert_allclose(boxes, [[-75.0 - 30.0, 50.0 - 40.0, 60.0, 80.0]])


def test_an_object_leaves_what_stood_behind_it_in_its_first_box() -> None:
    """A post that looks stronger than the object that passes before it stays, and the box does not."""
    ends = []
    for movement in (0.4, 0.0):
        tracker = SotTracker(SotConfig(movement=movement))
        tracker.add_object((160.0, 160.0, 96.0, 96.0))
        for frame in range(12):
            values, at = 0.1 * noise(9, 60, 80, 12), 20 + frame
            values[20:32, 24:32] += 0.8 * noise(10, 12, 8, 12)  # the post
            values[20:32, at : at + 12] += 0.6 * noise(11, 12, 12, 12) + 0.6 * noise(20 + frame, 12, 12, 12)
            box = tracker.step(FeatureMap(values, (CELL, CELL)), Observations.none())[0].box
        ends.append(box[0])
    assert ends[0] == pytest.approx(160 + 11 * CELL, abs=CELL) and ends[1] == pytest.approx(160, abs=CELL)
