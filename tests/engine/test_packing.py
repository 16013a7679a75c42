"""Memory as the kernels want it."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from vistream.engine.stream.packing import BEHIND, LINE, PAGE, aligned_zeros


@pytest.mark.parametrize("count", [1, LINE, PAGE // 4 - 1, PAGE // 4, PAGE])
def test_zeros_are_aligned_and_have_room_behind_them(count: int) -> None:
    memory = aligned_zeros(count, np.int32)
    assert memory.shape == (count,)
    assert memory.dtype == np.int32
    assert not memory.any()
    memory[:] = 7  # it can be written
    large = sys.platform == "linux" and memory.nbytes >= PAGE
    assert memory.ctypes.data % (PAGE if large else LINE) == 0
    whole = memory
    while isinstance(whole.base, np.ndarray):
        whole = whole.base
    assert whole.ctypes.data + whole.nbytes >= memory.ctypes.data + memory.nbytes + BEHIND
