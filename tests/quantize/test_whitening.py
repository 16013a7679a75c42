"""Whitening: what a detector's own maps say many times over counts once, and exactly the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vistream.quantize.whitening import SHRINKAGE, STEEPEST, shipped_whitening, whitening_of
from vistream.tracking.region import vectors_under
from vistream.tracking.roi import roi_align
from vistream.tracking.similarity import unit_vectors, whitened
from vistream.types import FeatureMap

Vectors = NDArray[np.float32]


def correlated(seed: int, count: int = 4000, channels: int = 12) -> Vectors:
    """Directions of which a few matter most."""
    rng = np.random.default_rng(seed)
    strengths = np.geomspace(1.0, 0.3, channels)
    mixed = (rng.normal(size=(count, channels)) * strengths) @ rng.normal(size=(channels, channels))
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), np.float32)


def moments(vectors: Vectors) -> NDArray[np.float64]:
    exact = vectors.astype(np.float64)
    return np.asarray(exact.T @ exact / len(exact))


@given(seed=st.integers(0, 999))
def test_no_direction_counts_more_than_another(seed: int) -> None:
    """The moments along an eigenvector become its eigenvalue over that and the shrinkage."""
    vectors = correlated(seed)
    lengths, directions = np.linalg.eigh(moments(vectors))
    across = (vectors @ whitening_of(moments(vectors)).astype(np.float32)).astype(np.float64) @ directions
    after = across.T @ across
    expected = lengths / (lengths + SHRINKAGE * lengths.max())
    np.testing.assert_allclose(after / after[-1, -1], np.diag(expected / expected[-1]), atol=0.01)


@given(seed=st.integers(0, 999))
def test_products_are_exact(seed: int) -> None:
    """As int64 computes them, with the matrix that ships, whatever BLAS makes of float32."""
    whitening = shipped_whitening("nanodet-g")
    vectors = np.random.default_rng(seed).normal(size=(50, len(whitening))).astype(np.float32)
    vectors[0] = whitening[:, np.linalg.norm(whitening, axis=0).argmax()]  # the largest sum that there is
    exact = unit_vectors(vectors).astype(np.int64) @ whitening.astype(np.int64)
    assert np.abs(exact).max() < 1 << 24
    np.testing.assert_array_equal(whitened(vectors, whitening), exact)


def test_the_columns_that_ship_are_short_enough() -> None:
    whitening = shipped_whitening("nanodet-g")
    assert (whitening == np.rint(whitening)).all()
    assert np.linalg.norm(whitening, axis=0).max() <= STEEPEST + len(whitening) ** 0.5


@pytest.mark.parametrize("count", [0, 3])
def test_sampled_vectors_of_a_map_are_whitened(count: int) -> None:
    """Under boxes and under masks, and where there are none."""
    values = np.random.default_rng(1).normal(size=(8, 6, 4)).astype(np.float32)
    matrix = whitening_of(np.diag([0.5, 0.3, 0.1, 0.1])).astype(np.float32)
    plain, white = FeatureMap(values, (4.0, 4.0)), FeatureMap(values, (4.0, 4.0), whitening=matrix)
    boxes = np.tile([2.0, 2.0, 12.0, 20.0], (count, 1))
    sampled, expected = roi_align(white, boxes, (4, 2)), roi_align(plain, boxes, (4, 2))
    assert sampled.shape == expected.shape
    np.testing.assert_array_equal(sampled.reshape(-1, 4), whitened(expected.reshape(-1, 4), matrix))
    masks = np.zeros((count, 32, 24), bool)
    masks[:, 8:20, 4:16] = True
    for under, before in zip(vectors_under(white, masks, 100), vectors_under(plain, masks, 100), strict=True):
        np.testing.assert_array_equal(under, whitened(before, matrix))
