"""Single objects that enter the frame: their boxes grow as they come in, and no others do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vistream.evaluate.metrics.overlap import paired_box_iou
from vistream.tracking.entering import LEAST, WHOLE, Side, come_in, entered_by
from vistream.tracking.sot import SotTracker
from vistream.tracking.sot_config import SotConfig
from vistream.types import Box, FeatureMap, Observations

FRAME = (640.0, 480.0)


@pytest.mark.parametrize(
    ("box", "side"),
    [
        ((1.0, 100.0, 20.0, 200.0), Side(0, end=False)),
        ((-5.0, 100.0, 20.0, 200.0), Side(0, end=False)),
        ((619.0, 100.0, 20.0, 200.0), Side(0, end=True)),
        ((300.0, 2.0, 100.0, 20.0), Side(1, end=False)),
        ((300.0, 459.0, 100.0, 20.0), Side(1, end=True)),
        ((1.0, 100.0, 80.0, 200.0), None),  # wide enough for a whole object
        ((30.0, 100.0, 20.0, 200.0), None),  # narrow, but not at the border
        ((300.0, 2.0, 20.0, 200.0), None),  # at a border from which it does not come
    ],
)
def test_narrow_boxes_at_the_border_enter(box: Box, side: Side | None) -> None:
    assert entered_by(box, FRAME) == side


@given(st.floats(0, 300), st.floats(1, 60), st.booleans())
def test_what_comes_in_reaches_to_the_border_until_it_is_whole(gap: float, width: float, end: bool) -> None:
    box = (FRAME[0] - gap - width if end else gap, 100.0, width, 200.0)
    (x, y, w, h), whole = come_in(box, FRAME, Side(0, end=end))
    assert (y, h) == (100.0, 200.0) and width <= w <= max(width, WHOLE * h + 1e-9)
    assert (x == pytest.approx(box[0])) if end else (x + w == pytest.approx(box[0] + width))  # the front stays
    at_border = (FRAME[0] - x - w if end else x) <= LEAST
    assert whole == (w >= WHOLE * h - LEAST and gap >= WHOLE * h - width) and (whole or at_border)


TEXTURE = np.random.default_rng(0).standard_normal((24, 10, 12)).astype(np.float32)


def walker(column: int) -> FeatureMap:
    """Someone of 10 x 24 cells of 8 pixels, whose left side is at a column of 80."""
    values = 0.1 * np.random.default_rng(column).standard_normal((60, 80, 12)).astype(np.float32)
    shown = min(10, 80 - column)
    values[20:44, column : column + shown] = TEXTURE[:, :shown]
    return FeatureMap(values, (8.0, 8.0))


@pytest.mark.parametrize("entering", [True, False])
def test_the_box_of_who_comes_in_grows(entering: bool) -> None:
    tracker = SotTracker(SotConfig(entering=entering))
    tracker.add_object((77 * 8.0, 160.0, 24.0, 192.0))
    for column in range(77, 60, -1):
        track = tracker.step(walker(column), Observations.none())[0]
    true = np.array([[61 * 8.0, 160.0, 80.0, 192.0]])
    overlap = paired_box_iou(true, np.array([track.box]))[0]
    assert overlap > 0.6 if entering else overlap < 0.4
