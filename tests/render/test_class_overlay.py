"""Class maps on frames: colours where the classes are, borders between segments, a legend that fits."""

from __future__ import annotations

import numpy as np
import pytest

from vistream.models.classes import class_set
from vistream.render.class_overlay import BORDER, STRENGTH
from vistream.render.overlay import Overlay
from vistream.types import ClassMap, Frame, Result

PLAZA = class_set("plaza")


def shown(width: int, height: int, *, ids: bool = False) -> tuple[Frame, Result]:
    """A grey frame: building on the left, pavement on the right, nothing known in the last row."""
    labels = np.full((height, width), 2, np.uint8)
    labels[:, : width // 2] = 1
    labels[-1] = 255
    numbers = labels.astype(np.int32) if ids else None
    found = ClassMap(PLAZA.names, PLAZA.palette, labels, numbers)
    frame = np.full((height, width, 3), 90, np.uint8)
    return frame, Result(0, 0.0, (), 0, class_map=found, shares=found.shares())


def test_pixels_take_the_colour_of_their_class() -> None:
    frame, result = shown(320, 240)
    picture = Overlay((320, 240), 25).draw(frame, result, "")
    assert (frame == 90).all()
    for column, label in ((140, 1), (310, 2)):
        wanted = (1 - STRENGTH) * 90 + STRENGTH * PLAZA.palette[label].astype(float)
        np.testing.assert_allclose(picture[200, column], wanted, atol=1)
    assert (picture[-1] == 90).all()


def test_segments_have_borders() -> None:
    frame, result = shown(320, 240, ids=True)
    picture = Overlay((320, 240), 25).draw(frame, result, "")
    assert (picture[150:230, 160] == BORDER).all()
    assert not (picture[150:230, 155] == BORDER).all()


def test_the_legend_names_what_is_there_below_the_status() -> None:
    frame, result = shown(320, 240)
    bare = Result(0, 0.0, (), 0, class_map=result.class_map)  # without shares there is nothing to name
    with_legend, without = (Overlay((320, 240), 25).draw(frame, r, "12 fps") for r in (result, bare))
    rows, columns = np.nonzero((with_legend != without).any(axis=2))
    assert rows.min() > 8 and columns.min() > 0 and columns.max() < 160
    for label in (1, 2):
        assert (with_legend[: rows.max(), :30] == PLAZA.palette[label]).all(axis=2).any()


@pytest.mark.parametrize("size", [(1, 1), (8, 6), (40, 30), (64, 400), (1920, 64)])
def test_no_frame_is_too_small(size: tuple[int, int]) -> None:
    frame, result = shown(*size)
    assert Overlay(size, 25).draw(frame, result, "status").shape == frame.shape
