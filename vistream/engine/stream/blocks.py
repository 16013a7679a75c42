"""The blocks of channels that kernels go by, and the order that dealing out rows leaves channels in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UNIT = 16  # channels that rows of levels are filled up to, and whose weights lie together


def blocks_of(stride: int, vector_bytes: int) -> list[tuple[int, int]]:
    """The blocks of channels (first, how many) that a kernel goes by: the widest registers first.

    >>> blocks_of(112, 64)
    [(0, 64), (64, 32), (96, 16)]
    """
    blocks, first, width = [], 0, vector_bytes
    while first < stride:
        while first + width > stride:
            width //= 2
        blocks.append((first, width))
        first += width
    return blocks


def dealt_order(stride: int, vector_bytes: int) -> NDArray[np.intp]:
    """Which channel stands where once four rows of a block are dealt out by interleaving within 16 bytes.

    >>> dealt_order(32, 32)[:12].tolist()
    [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7]
    """
    order: list[int] = []
    for first, width in blocks_of(stride, vector_bytes):
        order += [first + 16 * quarter + 4 * vector + lane
                  for vector in range(4) for quarter in range(width // 16) for lane in range(4)]  # fmt: skip
    return np.array(order)
