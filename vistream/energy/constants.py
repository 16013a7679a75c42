"""What one operation and one byte cost: the single table of energy constants, with its source.

45 nm, 0.9 V, picojoules: M. Horowitz, "Computing's energy problem (and what we can do about it)", ISSCC 2014. Its cache
figures are for 64-bit accesses; here they are per byte. Nothing in this file depends on a network.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

SOURCE = "M. Horowitz, ISSCC 2014 (45 nm, 0.9 V)"
KIB = 1024


@dataclass(frozen=True, slots=True)
class Constants:
    """Picojoules. `sram`: (bytes of the buffer, picojoules a byte), smallest first; `dram`: a byte."""

    int8_add: float = 0.03
    int8_multiply: float = 0.2
    int32_add: float = 0.1
    float32_add: float = 0.9
    float32_multiply: float = 3.7
    sram: tuple[tuple[int, float], ...] = ((8 * KIB, 1.25), (32 * KIB, 2.5), (1024 * KIB, 12.5))
    dram: float = 160.0


HOROWITZ = Constants()


def per_byte(size: float, table: Constants = HOROWITZ) -> float:
    """Picojoules to move a byte into or out of a buffer of `size` bytes.

    Piecewise linear through the table (Lemaire et al., ICONIP 2022, do the same); flat below its smallest buffer, and
    external memory beyond its largest.

    >>> per_byte(100), per_byte(8 * KIB), per_byte(20 * KIB), per_byte(1024 * KIB), per_byte(1024 * KIB + 1)
    (1.25, 1.25, 1.875, 12.5, 160.0)
    """
    points = table.sram
    if size <= points[0][0]:
        return points[0][1]
    for (small, low), (large, high) in pairwise(points):
        if size <= large:
            return low + (high - low) * (size - small) / (large - small)
    return table.dram
