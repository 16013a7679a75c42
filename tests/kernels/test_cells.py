"""Mean colours of cells: the kernels and NumPy give the same, for boxes of any size anywhere."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vistream.kernels.cells import _plainly, cell_means

SIDES = st.integers(1, 40)


@given(
    st.integers(0, 2**32 - 1),
    SIDES,
    SIDES,
    st.integers(1, 9),
    st.integers(1, 5),
    st.sampled_from([1.0, 30.0, 1e4, 1e300]),
)
def test_the_kernels_and_numpy_give_the_same(
    seed: int, height: int, width: int, rows: int, columns: int, size: float
) -> None:
    random = np.random.default_rng(seed)
    frame = random.integers(0, 256, (height, width, 3), np.uint8)[::-1]
    boxes = random.uniform(-1, 1, (4, 4)) * size
    boxes[0, 2:] = 0
    assert np.array_equal(cell_means(frame, boxes, (rows, columns)), _plainly(frame, boxes, (rows, columns)))


def test_a_cell_is_the_mean_of_its_pixels_and_beyond_the_edge_the_last_ones_count() -> None:
    frame = np.zeros((4, 8, 3), np.uint8)
    frame[:, 4:] = 100, 50, 200
    left, right = cell_means(frame, np.array([[2.0, 0, 4, 4]]), (1, 2))[0, 0].tolist()
    assert (left, right) == ([0, 0, 0], [100, 50, 200])
    assert cell_means(frame, np.array([[3.0, 1, 2, 2]]), (1, 1)).ravel().tolist() == [50, 25, 100]
    beyond = cell_means(frame, np.array([[-100.0, -9, 50, 4], [90, 90, 5, 5]]), (2, 2))
    assert (beyond[0] == 0).all() and (beyond[1] == frame[3, 7]).all()


def test_of_a_large_cell_some_pixels_count() -> None:
    frame = np.repeat(np.arange(200, dtype=np.uint8)[:, None, None], 60, 1).repeat(3, 2)
    assert abs(int(cell_means(frame, np.array([[0.0, 0, 60, 200]]), (1, 1))[0, 0, 0, 0]) - 99) < 13
