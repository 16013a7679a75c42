"""What a kernel does with the sums of an output position: requantise, or hold them back for another synapse."""

# what numba compiles has no Python types
# mypy: ignore-errors

from __future__ import annotations

import numpy as np
from numba import njit

from vistream.engine.stream.raw import (
    CHANGED_AT,
    GAIN_AT,
    HYSTERESIS,
    IDENTITY_AT,
    LIMITS_AT,
    MULTIPLIER_AT,
    NEXT_AT,
    OUT_AT,
    RESUMES,
    START_AT,
    read_level,
    read_real,
    write_level,
)  # fmt: skip
from vistream.engine.stream.settling import accumulate, ones, settle_1, settle_4
from vistream.engine.stream.vector import LANES


@njit(inline="always")
def limits_of(job):
    """lo and hi, float32, and the hysteresis, int64, in levels."""
    at = job[LIMITS_AT]
    return read_real(at), read_real(at + 4), job[HYSTERESIS]


@njit(inline="always")
def finish_run(job, position, count, channel, width, stride, totals_at, pending_at, limits):
    """Requantise `width` channels of `count` output positions side by side, or add them to what is pending.

    Returns how many levels changed. The totals of the positions, and their levels if `width` is the whole row, lie
    side by side; so do the rows of what is pending, float32. The vectors for each channel repeat behind their end for
    as long as a block of 64 may reach.
    """
    lo, hi, hysteresis = limits
    resumes, goes_on, changed_at = job[RESUMES], job[NEXT_AT], job[CHANGED_AT]
    start_at, multiplier_at, gain_at = job[START_AT], job[MULTIPLIER_AT], job[GAIN_AT]
    level = position * stride + channel
    out_at, identity_at = job[OUT_AT] + level, job[IDENTITY_AT] + level if job[IDENTITY_AT] else np.int64(0)
    pending_at += 4 * channel
    changes, per, c = 0, width // LANES, 0
    first, levels = 0, count * width
    while first < levels:
        at = 4 * (channel + LANES * c)
        begin = pending_at + 4 * first if resumes else start_at + at
        total_at, identity = totals_at + 4 * first, identity_at + first if identity_at else np.int64(0)
        if goes_on:
            accumulate(begin, total_at, multiplier_at + at, pending_at + 4 * first)
            vectors = 1
        else:
            vectors = min((levels - first) // LANES, 4)
            mask = settle_4(
                begin, identity, gain_at + at, total_at, multiplier_at + at, out_at + first, vectors, lo, hi, hysteresis
            )
            changes += ones(mask)
            mark(mask, changed_at + position, c, per, vectors)
        first += vectors * LANES
        c += vectors
        while c >= per:
            c -= per
            position += 1
    return changes


@njit(inline="always")
def finish_one(job, position, channel, width, stride, totals_at, pending_at, limits):
    """As `finish_run` for a single position: of positions that lie apart, nothing varies from one to the next."""
    lo, hi, hysteresis = limits
    changed_at, multiplier_at, gain_at = job[CHANGED_AT] + position, job[MULTIPLIER_AT], job[GAIN_AT]
    multiplier_at += 4 * channel
    gain_at += 4 * channel
    pending_at += 4 * channel
    start_at = pending_at if job[RESUMES] else job[START_AT] + 4 * channel
    if job[NEXT_AT]:
        for first in range(0, width, LANES):
            at = 4 * first
            accumulate(start_at + at, totals_at + at, multiplier_at + at, pending_at + at)
        return 0
    level = position * stride + channel
    out_at, identity_at = job[OUT_AT] + level, job[IDENTITY_AT]
    identity_at += level if identity_at else 0
    changes, changed = 0, np.int64(0)
    for first in range(0, width, 4 * LANES):
        at = 4 * first
        lanes, identity = min((width - first) // LANES, 4), identity_at + first if identity_at else np.int64(0)
        if lanes == 1:
            mask = settle_1(
                start_at + at, identity, gain_at + at, totals_at + at, multiplier_at + at, out_at + first, lanes,
                lo, hi, hysteresis,
            )  # fmt: skip
        else:
            mask = settle_4(
                start_at + at, identity, gain_at + at, totals_at + at, multiplier_at + at, out_at + first, lanes,
                lo, hi, hysteresis,
            )  # fmt: skip
        changes += ones(mask)
        changed |= mask
    write_level(changed_at, read_level(changed_at) | np.int64(changed != 0))
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
