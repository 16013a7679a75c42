"""Vectors between the cells of a map: the kernels and NumPy give the same numbers, wherever grids lie."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vistream.kernels.sampling import _plainly, sampled

SIDES = st.integers(1, 12)


@given(st.integers(0, 2**32 - 1), SIDES, SIDES, st.integers(1, 40), SIDES, SIDES, st.sampled_from([1.0, 15.0, 1e300]))
def test_the_kernels_and_numpy_give_the_same(
    seed: int, height: int, width: int, channels: int, rows: int, columns: int, far: float
) -> None:
    random = np.random.default_rng(seed)
    values = random.standard_normal((width, height, channels)).astype(np.float32).transpose(1, 0, 2)
    y, x = random.uniform(-far, far, (3, rows)), random.uniform(-far, far, (3, columns))
    y[0, 0], x[0, 0], x[1] = height - 1, 0, np.round(x[1])
    assert np.array_equal(sampled(values, y, x), _plainly(values, y, x))
    assert sampled(values, y[:0], x[:0]).shape == (0, rows, columns, channels)


def test_half_way_between_two_cells_lies_their_mean() -> None:
    ramp = np.arange(6, dtype=np.float32).reshape(2, 3, 1)
    assert sampled(ramp, np.array([[0.5, 1.0]]), np.array([[0.5, 1.5]])).ravel().tolist() == [2.0, 3.0, 3.5, 4.5]
