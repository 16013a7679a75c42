"""Which network of a session tells objects apart, and on how large a picture."""

from __future__ import annotations

import numpy as np
import pytest

from vistream.pipeline.session import Session
from vistream.types import Observations

FRAME = np.random.default_rng(3).integers(0, 256, (480, 640, 3), np.uint8)
MASKS = np.zeros((2, 480, 640), bool)
MASKS[0, 120:270, 100:160] = MASKS[1, 100:260, 400:450] = True
SEEN = Observations(np.array([[100.0, 120, 60, 150], [400, 100, 50, 160]]), np.ones(2), ("person", "person"), MASKS)


@pytest.mark.parametrize("fidelity", ["exact", "high", "float"])
@pytest.mark.parametrize(
    ("task", "model", "close", "grid"),
    [
        ("mot", "auto", True, (78, 104)),  # 416 x 312 by 4
        ("mot", "auto", False, (60, 80)),
        ("mot", "efficientnet-lite0", True, (60, 80)),
        ("mots", "auto", True, (60, 80)),
    ],
)
def test_close_boxes_take_an_early_cut_on_a_small_picture(
    fidelity: str, task: str, model: str, close: bool, grid: tuple[int, int]
) -> None:
    session = Session(task, fidelity, model, close=close)
    result = session.step(FRAME, SEEN)
    assert result.activity is not None
    assert result.activity.shape == grid
    assert session.model.endswith("cut early") == (grid == (78, 104))


def test_it_looks_only_where_boxes_are() -> None:
    """So the frame's border is stale, and both objects keep their ids in a frame that is brighter."""
    session = Session(close=True)
    first = session.step(FRAME, SEEN)
    assert 0.0 < first.work.share < 0.6
    second = session.step(np.minimum(FRAME, 250) + np.uint8(5), SEEN)
    assert [track.id for track in second.tracks] == [track.id for track in first.tracks] == [1, 2]
