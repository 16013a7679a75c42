"""Rebuilding vectors: compiled and in NumPy, the same sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vistream.kernels import reconstruction
from vistream.kernels.library import Unusable
from vistream.kernels.reconstruction import reconstruct

COUNTS = st.lists(st.integers(1, 20), min_size=1, max_size=5)


def bounds(counts: list[int]) -> NDArray[np.int64]:
    return np.cumsum([0, *counts])


def unusable() -> None:
    raise Unusable("not here")


@given(seed=st.integers(0, 2**32 - 1), objects=COUNTS, sources=COUNTS, channels=st.integers(1, 40))
def test_compiled_and_plain_are_the_same(seed: int, objects: list[int], sources: list[int], channels: int) -> None:
    random = np.random.default_rng(seed)
    ours, theirs = (
        np.rint(2048 * rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        for rows in (random.normal(1, 1, (sum(counts), channels)) for counts in (objects, sources))
    )
    cosine = ours @ theirs.T / np.float32(2048**2)
    given = cosine, bounds(objects), theirs, bounds(sources)
    along, squared = reconstruct(*given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reconstruction, "library", unusable)
        plain = reconstruct(*given)
    np.testing.assert_allclose(along, plain[0], rtol=1e-12)
    np.testing.assert_allclose(squared, plain[1], rtol=1e-12)


def test_two_equal_vectors_share_the_weight_and_a_far_one_has_none() -> None:
    cosine = np.array([[0.5, 0.5, 0.3]], np.float32)
    vectors = np.array([[2048, 0], [0, 2048], [2048, 0]], np.float32)
    along, squared = reconstruct(cosine, bounds([1]), vectors, bounds([2, 1]))
    np.testing.assert_array_equal(along, [[8192 * 0.5, 0]])
    np.testing.assert_array_equal(squared, [[2 * (4096 * 2048) ** 2, 0]])
