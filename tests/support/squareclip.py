"""A short clip for networks: a textured square moves over a smooth background."""

from __future__ import annotations

import numpy as np

from vistream.types import Frame


def square_frames(size: tuple[int, int], count: int) -> list[Frame]:
    """`size`: rows and columns, multiples of four."""
    generator = np.random.default_rng(3)
    coarse = generator.integers(0, 256, (size[0] // 4, size[1] // 4, 3), dtype=np.uint8)
    background, square = coarse.repeat(4, 0).repeat(4, 1), generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    moving = []
    for position in range(count):
        frame = background.copy()
        frame[8 + position : 16 + position, 12 + 2 * position : 20 + 2 * position] = square
        moving.append(frame)
    return moving
