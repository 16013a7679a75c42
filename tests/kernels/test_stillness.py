"""The measures of stillness: every variant and NumPy give the same numbers, those of OpenCV where it has them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vistream.kernels.library import Variant, variants
from vistream.kernels.stillness import Stillness

BLOCKS = (3, 4)
KERNELS = pytest.mark.parametrize("kernels", [None, *variants()], ids=lambda one: "NumPy" if one is None else one.name)


def measures(kernels: Variant | None) -> Stillness:
    made = Stillness(BLOCKS, kernels)
    made._variant = kernels
    return made


@KERNELS
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(6, 40), columns=st.integers(6, 90), factor=st.integers(1, 5))
def test_all_measure_the_same(kernels: Variant | None, seed: int, rows: int, columns: int, factor: int) -> None:
    random = np.random.default_rng(seed)
    frame = random.integers(0, 256, (rows, columns, 3), np.uint8)[::-1]
    before, now = (random.integers(0, random.integers(2, 257), (rows, columns), np.uint8)[:, ::-1] for _ in range(2))
    mine, plain = measures(kernels), measures(None)
    assert np.array_equal(mine.grey(frame, factor), plain.grey(frame, factor))
    assert np.array_equal(mine.slopes(now), plain.slopes(now))
    (brighter, apart), (expected, blocks) = mine.differences(before, now), plain.differences(before, now)
    assert brighter == expected
    assert np.array_equal(apart, blocks)


@KERNELS
def test_they_measure_what_their_names_say(kernels: Variant | None) -> None:
    frame = np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8)
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    halves = cv2.resize(grey, (32, 24), interpolation=cv2.INTER_AREA)
    assert np.array_equal(measures(kernels).grey(frame), grey)
    assert np.array_equal(measures(kernels).grey(frame, 2), halves)
    ramp = np.tile(np.arange(0, 120, 2, dtype=np.uint8), (30, 1))
    assert measures(kernels).slopes(ramp)[:, 1:-1] == pytest.approx(2)
    brighter, apart = measures(kernels).differences(np.full((30, 60), 99, np.uint8), np.full((30, 60), 199, np.uint8))
    assert brighter == 2
    assert apart == pytest.approx(1)  # 199 and 2 x 99
    assert measures(kernels).differences(ramp * 0, ramp * 0 + 255)[0] == 4  # at the most
