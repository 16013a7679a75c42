"""What the kernels' threads need for themselves while they work on an operation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.engine.stream.memory import Memory
from vistream.engine.stream.packing import LINE, aligned_zeros, rounded_up
from vistream.kernels.structs import GROUP, PANEL, PIECE, Workspace


def workspaces(memories: Iterable[Memory], threads: int) -> tuple[Any, list[NDArray[Any]]]:
    """What each thread needs for itself, as large as the largest operation asks for; the arrays are to be kept."""
    gathered, pending, marks = 0, 0, 0
    for memory in memories:
        pending = max(pending, memory.stride)
        for term in memory.terms:
            window = term.window
            gathered = max(gathered, rounded_up(window.kernel_h * window.kernel_w * term.row_bytes, LINE))
            reach = (window.columns - 1) * window.stride_w + (window.kernel_w - 1) * window.dilation_w + 1
            marks = max(marks, reach, window.left + window.width)
    spaces = (Workspace * threads)()
    kept: list[NDArray[Any]] = []
    for space in spaces:
        arrays = [
            aligned_zeros(GROUP * gathered, np.int8), aligned_zeros(GROUP * PANEL, np.int32),
            aligned_zeros(PIECE * pending, np.float32), aligned_zeros(marks, np.uint8),
        ]  # fmt: skip
        space.gathered, space.sums, space.pending, space.marks = (array.ctypes.data for array in arrays)
        kept += arrays
    return spaces, kept
