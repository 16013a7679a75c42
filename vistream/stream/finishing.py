"""What a kernel does with the sums of an output position: requantise, or hold them back for another synapse."""

# what numba compiles has no Python types
# mypy: ignore-errors

from __future__ import annotations

import numpy as np
from numba import njit

from vistream.stream.raw import (
    CHANGED_AT,
    GAIN_AT,
    HYSTERESIS,
    IDENTITY_AT,
    LIMITS_AT,
    MULTIPLIER_AT,
    OUT_AT,
    START_AT,
    START_STEP,
    SUM_AT,
    read_level,
    read_real,
    write_level,
)  # fmt: skip
from vistream.stream.settling import accumulate, ones, settle_1, settle_4
from vistream.stream.vector import LANES


@njit(inline="always")
def limits_of(job):
    """lo and hi, float32, and the hysteresis, int64, in levels."""
    at = job[LIMITS_AT]
    return read_real(at), read_real(at + 4), job[HYSTERESIS]


@njit(inline="always")
def finish(job, i, position, count, channel, width, stride, totals_at, limits):
    """Requantise `width` channels of `count` output positions side by side, or add them to a pending sum.

    Returns how many levels changed. The totals of the positions, and their levels if `width` is the whole row, lie
    side by side; so do the rows of a pending sum. The vectors for each channel repeat behind their end for as long as
    a block of 64 may reach.
    """
    lo, hi, hysteresis = limits
    start_step, sum_at, changed_at = job[START_STEP], job[SUM_AT], job[CHANGED_AT]
    start_at, multiplier_at, gain_at = job[START_AT] + i * start_step, job[MULTIPLIER_AT], job[GAIN_AT]
    level = position * stride + channel
    out_at, identity_at = job[OUT_AT] + level, job[IDENTITY_AT] + level if job[IDENTITY_AT] else np.int64(0)
    sum_at += 4 * i * stride if sum_at else 0
    changes, per, c = 0, width // LANES, 0
    first, levels = 0, count * width
    while first < levels:
        at = 4 * (channel + LANES * c)
        begin = start_at + (4 * (channel + first) if start_step else at)
        total_at, identity = totals_at + 4 * first, identity_at + first if identity_at else np.int64(0)
        vectors = 4 if levels - first >= 4 * LANES and not sum_at else 1
        if sum_at:
            accumulate(begin, total_at, multiplier_at + at, sum_at + 4 * (channel + first))
            mask = np.int64(0)
        elif vectors == 4:
            mask = settle_4(
                begin, identity, gain_at + at, total_at, multiplier_at + at, out_at + first, lo, hi, hysteresis
            )
        else:
            mask = settle_1(
                begin, identity, gain_at + at, total_at, multiplier_at + at, out_at + first, lo, hi, hysteresis
            )
        if mask:
            changes += ones(mask)
            mark(mask, changed_at + position, c, per, vectors)
        first += vectors * LANES
        c += vectors
        while c >= per:
            c -= per
            position += 1
    return changes


@njit(inline="always")
def mark(mask, changed_at, c, per, lanes):
    """Set the changed flags of the positions to which the bits of a mask belong.

    The mask is of `lanes` runs of 16 levels, the first of which is the `c`-th of its row of `per`. Flags beyond, which
    may be another thread's, are not touched.
    """
    while lanes > 0:  # as often as the block enters a row, whatever changed: a branch on that would be mispredicted
        here = min(per - c, lanes)
        part = mask if here == 4 else mask & ((np.int64(1) << (LANES * here)) - 1)
        write_level(changed_at, read_level(changed_at) | np.int64(part != 0))
        mask = mask >> (LANES * here) if here < 4 else np.int64(0)
        lanes -= here
        changed_at += 1
        c = 0
