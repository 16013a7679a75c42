"""Weights that are multiplied in pairs: together with the rests they are the weights, and no sum leaves 16 bits."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vistream.engine.stream.blocks import blocks_of
from vistream.engine.stream.pairs import LARGEST, Rests, cut

WIDEST = 32
Weights = NDArray[np.int8]


def bell(seed: int, taps: int, inputs: int, stride: int, spread: float) -> Weights:
    """Weights as networks have them: the more, the smaller."""
    drawn = np.random.default_rng(seed).normal(0, spread, (taps, inputs, stride))
    return np.clip(np.rint(drawn), -128, 127).astype(np.int8)


def whole(kept: Weights, rests: Rests, columns: int) -> NDArray[np.int64]:
    """What the kernels multiply by in all."""
    found = kept.astype(np.int64)
    for begin, width in blocks_of(kept.shape[2], WIDEST):
        for n in range(rests.first[begin // 16], rests.first[(begin + width) // 16]):
            row, column, first = rests.place[n]
            found[row * columns + column, first : first + 4, begin : begin + width] += rests.rest[n, :width].T
            assert not rests.rest[n, width:].any()
    return found


def largest(weights: NDArray[np.int64], lowest: int, highest: int) -> int:
    """The largest magnitude of products of two neighbours `[..., 2, ...]` with levels, summed over axis 0 as well."""
    positive, negative = (np.maximum(sign * weights, 0).sum((0, -2)).max(initial=0) for sign in (1, -1))
    return int(max(positive, negative)) * (highest - lowest)


@given(
    st.integers(0, 10**6), st.sampled_from([(1, 1), (3, 3), (2, 3)]), st.integers(1, 9), st.sampled_from([16, 48, 80]),
    st.sampled_from([0, -1, -17, -60, -128]), st.sampled_from([15, 127]), st.sampled_from([25.0, 60.0, 200.0]),
)  # fmt: skip
def test_weights_and_rests_are_the_weights_and_stay_in_16_bits(
    seed: int, kernel: tuple[int, int], quads: int, stride: int, lowest: int, highest: int, spread: float
) -> None:
    weight = bell(seed, kernel[0] * kernel[1], 4 * quads, stride, spread)
    cut_up = cut(weight, kernel, lowest, highest, WIDEST, anyhow=True)
    assert cut_up is not None
    kept, rests = cut_up
    assert rests.shift == -lowest
    assert np.array_equal(whole(kept, rests, kernel[1]), weight)
    rows = kept.reshape(kernel[0], -1, 2, 2, stride) if quads == 1 else kept.reshape(len(weight), -1, 2, 2, stride)
    for piece in rows.astype(np.int64):
        two = piece.reshape(-1, 2, 2, stride)
        for first in range(0, len(two), 2):
            assert largest(two[first : first + 2], lowest, highest) <= LARGEST
    for rest in rests.rest.astype(np.int64):
        assert largest(rest.T.reshape(1, 2, 2, -1), lowest, highest) <= LARGEST


def test_pairs_are_for_weights_that_hardly_have_to_be_cut() -> None:
    kernel = 3, 3
    usual, flat = bell(0, 9, 64, 64, 30.0), bell(0, 9, 64, 64, 1000.0)
    assert cut(usual, kernel, 0, 127, WIDEST) is not None
    assert cut(usual, kernel, -17, 127, WIDEST) is not None
    assert cut(usual, kernel, -128, 127, WIDEST) is None
    assert cut(flat, kernel, 0, 127, WIDEST) is None
    few = cut(flat, kernel, 0, 15, WIDEST)  # small levels leave room for any weights
    assert few is not None
    assert not len(few[1].rest)
