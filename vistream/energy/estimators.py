"""Three prices for the same operations. Picojoules; each is a model, none is a measurement.

A  the literature's: every multiply-accumulate 4.6 pJ, every accumulate 0.9 pJ, as if all were float32; compute only.
B  bit-matched: int8 multiplications and int32 additions where the arithmetic is integer, and the neurons' updates.
C  B and memory: every byte read or written, at the price of a buffer of its size.

In B an update is an addition and a comparison at the width of the sum, a comparison priced as an addition. The
rescaling of a sum to levels is part of no estimator.
"""

from __future__ import annotations

from enum import Enum

from vistream.energy.constants import HOROWITZ, Constants, per_byte
from vistream.energy.rows import Operations


class Estimator(Enum):
    """The value is what people read."""

    A = "literature: float32 compute"
    B = "bit-matched compute"
    C = "bit-matched compute and memory"


def energy(estimator: Estimator, done: Operations, table: Constants = HOROWITZ) -> float:
    """Picojoules.

    >>> energy(Estimator.A, Operations(macs=10, acs=100, updates=5, accesses=()))
    136.0
    """
    if estimator is Estimator.A:
        return done.macs * _float_mac(table) + done.acs * table.float32_add
    compute = _compute(done, table)
    if estimator is Estimator.B:
        return compute
    return compute + sum((access.read + access.written) * per_byte(access.size, table) for access in done.accesses)


def _compute(done: Operations, table: Constants) -> float:
    if done.floating:
        return done.macs * _float_mac(table) + (done.acs + 2 * done.updates) * table.float32_add
    mac = table.int8_multiply + table.int32_add
    return done.macs * mac + (done.acs + 2 * done.updates) * table.int32_add


def _float_mac(table: Constants) -> float:
    return table.float32_multiply + table.float32_add
