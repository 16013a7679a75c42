"""What heads say of their cells: compiled and in NumPy, and what it should be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vistream.kernels import heads
from vistream.kernels.heads import best_of_rows, expectations
from vistream.kernels.library import Unusable

KERNELS = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "NumPy"])
SEEDS = st.integers(0, 2**32 - 1)


def unusable() -> None:
    raise Unusable("not here")


@pytest.fixture(autouse=True)
def kernels(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not compiled:
        monkeypatch.setattr(heads, "brief", unusable)


@KERNELS
@pytest.mark.usefixtures("kernels")
def test_the_best_of_rows_is_the_first_of_the_largest() -> None:
    random = np.random.default_rng(1)
    for columns in (1, 5, 16, 33, 80):
        values = random.integers(-9, 9, (40, columns + 3)).astype(np.float32)
        where = random.random(40) < 0.5
        best, column = np.full(40, 99, np.float32), np.full(40, -1, np.int32)
        best_of_rows(values, columns, best, column, where)
        np.testing.assert_array_equal(best, np.where(where, values[:, :columns].max(1), 99))
        np.testing.assert_array_equal(column, np.where(where, values[:, :columns].argmax(1), -1))
        best_of_rows(values[:, : columns + 1], columns, best, column)  # rows that lie further apart than they are long
        np.testing.assert_array_equal(column, values[:, :columns].argmax(1))


@KERNELS
@pytest.mark.usefixtures("kernels")
@given(seed=SEEDS, bins=st.integers(1, 40), scale=st.sampled_from([0.1, 3.0, 200.0]))
def test_expectations_are_those_of_a_softmax(seed: int, bins: int, scale: float) -> None:
    logits = (scale * np.random.default_rng(seed).normal(size=(6, bins))).astype(np.float32)
    weights = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    expected = weights @ np.arange(bins) / weights.sum(1)
    np.testing.assert_allclose(expectations(logits), expected, rtol=1e-12, atol=1e-12)


@KERNELS
@pytest.mark.usefixtures("kernels")
def test_nothing_is_nothing() -> None:
    assert expectations(np.empty((0, 8), np.float32)).shape == (0,)
    best_of_rows(np.empty((0, 8), np.float32), 4, np.empty(0, np.float32), np.empty(0, np.int32))
