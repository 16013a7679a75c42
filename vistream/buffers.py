"""The memory that NumPy's products work in, taken before there is anything to lose.

OpenBLAS takes it at the first product. Where it gets none it ends the process on the spot, whatever is half-written.
"""

from __future__ import annotations

import mmap
from functools import cache

import numpy as np

ROOM = 64 * 2**20
"""Bytes, twice of what it takes (32 MB for every thread that multiplies while others do)."""


@cache
def take_buffers() -> None:
    """Have it taken now, once a process; raises MemoryError where there is no room for it."""
    try:
        mmap.mmap(-1, ROOM).close()
    except OSError:
        raise MemoryError from None
    np.linalg.det(np.eye(2))
