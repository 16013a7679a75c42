"""The lists of the most similar cells: the same from every variant of the kernels, from numpy, on any threads."""

from __future__ import annotations

import numpy as np
import pytest

from vistream.kernels import propagation
from vistream.kernels.library import Variant, variants
from vistream.kernels.propagation import ANYWHERE, Lists, in_quads, laid_out

RNG = np.random.default_rng(2)
# few levels, so that many products are alike and their order shows
PRESENT, *PAST = (in_quads(RNG.integers(-2, 3, (7, 41, 10), np.int8)) for _ in range(4))
ASKED = np.flatnonzero(RNG.random(7 * 41) < 0.7)


def lists(chosen: Variant | None, threads: int = 1) -> tuple[np.ndarray, np.ndarray]:
    found = Lists(PRESENT, ASKED, 6, threads, chosen)
    for number, (past, radius) in enumerate(zip(PAST, (3, 0, ANYWHERE), strict=True)):
        found.add(laid_out(past), number * 7 * 41, radius)
    return found.similarity, found.cell


def in_numpy(monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, np.ndarray]:
    with monkeypatch.context() as patch:
        patch.setattr(propagation, "usable", lambda chosen: None)
        return lists(None)


@pytest.mark.parametrize("variant", variants(), ids=lambda variant: variant.name)
@pytest.mark.parametrize("threads", [1, 3])
def test_every_variant_gives_the_lists_of_numpy(
    variant: Variant, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, found = in_numpy(monkeypatch), lists(variant, threads)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])


def test_a_list_holds_the_most_similar_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    similarity, cell = in_numpy(monkeypatch)
    vectors = np.concatenate([past.reshape(-1, 12) for past in PAST]).astype(np.int32)
    query = PRESENT.reshape(-1, 12).astype(np.int32)[ASKED]
    np.testing.assert_array_equal(similarity, np.einsum("qc,qtc->qt", query, vectors[cell]))
    assert (np.diff(similarity, axis=1) <= 0).all()
    everywhere = query @ vectors[2 * 7 * 41 :].T
    assert (similarity[:, 0] >= everywhere.max(axis=1)).all()


def test_frames_of_another_grid_are_refused() -> None:
    with pytest.raises(ValueError, match="different grids"):
        Lists(PRESENT, ASKED, 6).add(laid_out(PAST[0][:, :40]), 0)
