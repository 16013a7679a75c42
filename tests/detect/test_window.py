"""Which part of a picture a frame fills, and what stands beside it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import vistream
from vistream.detect.letterbox import letterbox
from vistream.detect.window import Window, window_for
from vistream.ir.network import IntegerNetwork

WHOLE = (128, 160)


@given(rows=st.integers(1, 300), columns=st.integers(1, 300), centred=st.booleans(), multiple=st.sampled_from([8, 32]))
def test_it_holds_the_frame_and_no_more_cells_than_that_takes(
    rows: int, columns: int, centred: bool, multiple: int
) -> None:
    frame = np.full((rows, columns, 3), 255, np.uint8)
    picture, placement = letterbox(frame, WHOLE[1], WHOLE[0], 114, centred)
    window = Window.around((rows, columns), placement, WHOLE, multiple)
    filled = np.argwhere((picture != 114).any(2))
    for axis in (0, 1):
        first, last = filled[:, axis].min(), filled[:, axis].max()
        start, end = window.start[axis], window.start[axis] + window.size[axis]
        assert 0 <= start <= first and last < end <= WHOLE[axis]
        assert first - start < multiple and end - last <= multiple
        assert start % multiple == end % multiple == 0
    part = window.cut(picture)
    assert np.array_equal(window.put(part, np.full_like(picture, 114)), picture)


class Centred(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean((2, 3), keepdim=True)


def network(*layers: nn.Module) -> IntegerNetwork:
    torch.manual_seed(0)
    frames = [np.random.default_rng(0).integers(0, 255, (*WHOLE, 3), np.uint8)]
    return vistream.stream(nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), *layers).eval(), frames).network


WIDE = Window((32, 0), (64, 160), WHOLE)
ALL = Window((0, 0), WHOLE, WHOLE)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([nn.Conv2d(8, 4, 3, 2, 1), nn.ReLU()], WIDE),  # of stride 4
        ([nn.Conv2d(8, 4, 3, 64, 1), nn.ReLU()], ALL),  # of stride 128: no smaller window is of whole cells
        ([Centred(), nn.Conv2d(8, 4, 3, 2, 1)], ALL),  # a mean over the map sees what lies beside the frame
        ([nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)], ALL),  # no map
    ],
)
def test_only_maps_of_whole_cells_are_computed_in_part(layers: list[nn.Module], expected: Window) -> None:
    _, placement = letterbox(np.zeros((64, 160, 3), np.uint8), WHOLE[1], WHOLE[0], 114, centred=True)
    assert window_for(network(*layers), (64, 160), placement, WHOLE, 32) == expected
