"""Normalising a map: the kernels and NumPy give the same numbers, and those have no mean and a deviation of one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vistream.kernels.normalising import _plainly, normalise

SIDES = st.integers(1, 20)


@given(st.integers(0, 2**32 - 1), SIDES, SIDES, st.integers(1, 40), st.integers(1, 5))
def test_the_kernels_and_numpy_give_the_same(seed: int, rows: int, columns: int, channels: int, every: int) -> None:
    random = np.random.default_rng(seed)
    levels = random.integers(-128, 128, (columns, rows, channels), np.int8).transpose(1, 0, 2)
    corners = np.sort(random.integers(0, [[rows + 1], [columns + 1]], (3, 2, 2)), 2)
    spans = corners.reshape(3, 4)
    found, expected = (np.full((rows, columns, channels + 3), 7, np.float32) for _ in range(2))
    normalise(levels, spans, found[:, :, 2 : 2 + channels], every, 0.05)
    _plainly(levels, spans, expected[:, :, 2 : 2 + channels], every, 0.05)
    assert np.array_equal(found, expected)


def test_a_channel_is_normalised_and_one_that_is_the_same_everywhere_says_nothing() -> None:
    levels = np.random.default_rng(1).integers(-90, 100, (40, 50, 3)).astype(np.int8)
    levels[:, :, 1] = 77
    out = np.empty(levels.shape, np.float32)
    normalise(levels, np.array([[0, 40, 0, 50]]), out, 1, 0.05)
    assert out.mean((0, 1)) == pytest.approx(0, abs=1e-4)
    assert out.std((0, 1)) == pytest.approx([1, 0, 1], abs=2e-3)
