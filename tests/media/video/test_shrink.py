"""Shrinking: every pixel counts for about as much as any other, at any factor."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vistream.media.video.shrink import shrunk

FACTORS = [((432, 768), (234, 416)), ((480, 640), (312, 416)), ((720, 1280), (234, 416)), ((1080, 1920), (608, 1081))]
SIZES = st.integers(1, 60)


@pytest.mark.parametrize(("old", "new"), FACTORS)
def test_it_is_close_to_the_exact_means_and_averages_noise_away(old: tuple[int, int], new: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).normal(0, 8, (*old, 3))
    rows, columns = np.ogrid[: old[0], : old[1]]
    smooth = 120 + 60 * np.sin(rows / 40)[..., None] * np.cos(columns / 60)[..., None]
    size = new[::-1]
    for picture, most in ((np.broadcast_to(smooth, noise.shape), 0.5), (smooth + noise, 1.5)):
        pixels = picture.round().clip(0, 255).astype(np.uint8)
        exact = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(float)
        found = shrunk(pixels, *size)
        assert found.shape == exact.shape
        assert np.abs(found - exact).mean() < most
    left = (found - cv2.resize(np.broadcast_to(smooth, noise.shape), size, interpolation=cv2.INTER_AREA)).std()
    linear = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)
    assert left < (linear - cv2.resize(np.broadcast_to(smooth, noise.shape), size)).std()


@given(SIZES, SIZES, st.integers(1, 6), st.integers(1, 6), st.booleans())
def test_what_is_all_alike_stays_so(rows: int, columns: int, down: int, across: int, grey: bool) -> None:
    width, height = -(-columns // across), -(-rows // down)
    picture = np.full((rows, columns) if grey else (rows, columns, 3), 93, np.uint8)
    found = shrunk(picture, width, height)
    assert found.shape == (height, width, *picture.shape[2:]) and (found == 93).all()
