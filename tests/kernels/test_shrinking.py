"""Shrinking: every pixel counts by the part of it that an output covers, at any factor and with any kernels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vistream.kernels.library import Variant, variants
from vistream.kernels.shrinking import _plainly, shrink

SIZES = [((432, 768), (234, 416)), ((480, 640), (312, 416)), ((720, 1280), (234, 416)), ((90, 2000), (3, 5))]
SIDES = st.integers(1, 60)


@pytest.mark.parametrize(("old", "new"), SIZES)
def test_it_gives_the_exact_means_within_a_grey_level(old: tuple[int, int], new: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*old, 3), np.uint8)
    exact = cv2.resize(picture, new[::-1], interpolation=cv2.INTER_AREA).astype(float)
    found = shrink(picture, *new[::-1])
    assert found.shape == exact.shape
    assert np.abs(found - exact).max() <= 1
    assert np.abs(found - exact).mean() < 0.5


@pytest.mark.parametrize("kernels", variants(), ids=lambda one: one.name)
@given(st.integers(0, 2**32 - 1), SIDES, SIDES, st.integers(1, 60), st.integers(1, 60), st.integers(0, 5))
def test_all_kernels_and_numpy_give_the_same(
    kernels: Variant, seed: int, rows: int, columns: int, height: int, width: int, channels: int
) -> None:
    shape = (rows, columns, channels) if channels else (rows, columns)
    picture = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)[::-1, ::-1]
    size = min(width, columns), min(height, rows)
    assert np.array_equal(shrink(picture, *size, kernels), _plainly(picture, *size))


@given(SIDES, SIDES, st.integers(1, 6), st.integers(1, 6), st.booleans(), st.integers(0, 255))
def test_what_is_all_alike_stays_so(rows: int, columns: int, down: int, across: int, grey: bool, level: int) -> None:
    width, height = -(-columns // across), -(-rows // down)
    picture = np.full((rows, columns) if grey else (rows, columns, 3), level, np.uint8)
    found = shrink(picture, width, height)
    assert found.shape == (height, width, *picture.shape[2:]) and (found == level).all()


def test_a_thousand_rows_for_one_count_alike() -> None:
    picture = np.zeros((1000, 1), np.uint8)
    picture[500:] = 200
    assert shrink(picture, 1, 1)[0, 0] == 100
