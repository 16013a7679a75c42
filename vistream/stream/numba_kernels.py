"""The kernels of the stream in numba: each brings the listed output positions of one layer up to date in one pass.

A kernel gathers its windows by address, multiplies, requantises, writes the level and the changed flag, and counts,
without intermediate arrays; so a frame in which everything moved costs no more than a dense network would. Every kernel
works on `index[begin:end]`, releases the GIL and allocates nothing, so that several threads can share a layer.

Levels are stored as int8 `[H * W + 1, stride]`: `stride` is the channels rounded up, the channels beyond stay 0, and
the last row, all 0, is what windows see outside the frame; some bytes behind it may be read, but mean nothing.
`geometry` is the vector that `geometry_of` lays out. The twin of every kernel in plain torch is in `torch_kernels.py`.
"""

# what numba compiles has no Python types
# mypy: ignore-errors

from __future__ import annotations

import numpy as np
from numba import njit

from vistream.stream.dots import (
    depthwise_block,
    depthwise_sums,
    dot_tile_1,
    dot_tile_2,
    dot_tile_3,
    dot_tile_4,
)
from vistream.stream.settling import accumulate, ones, settle_1, settle_4
from vistream.stream.tiles import (
    GROUP,
    ROWS,
    tile_begin,
    tile_end,
    tile_product_1x1,
    tile_product_1x2,
    tile_product_2x1,
    tile_product_2x2,
)
from vistream.stream.vector import LANES, TILE_ROWS
from vistream.stream.windows import address_of, gather, prefetch, side_by_side, window_of, window_rows

CHUNK = 12  # steps of 64 bytes for which a group of inputs stays in the first-level cache
PANEL = 256  # output channels that are summed before they settle
AHEAD = 1024  # bytes; how far ahead of a depthwise block memory is asked for
SUMS = GROUP * PANEL  # running totals that a kernel needs room for


# What follows a sum, as addresses: numba counts references to arrays, which would cost more than the sum itself.
# (multiplier, start, bytes from one start to the next, identity, gain, out, y), each 0 where there is none.
@njit(inline="always")
def _addresses(multiplier, start, start_step, identity, gain, out, y):
    return (
        address_of(multiplier), address_of(start), np.int64(4 * start_step),
        address_of(identity) if len(identity) else np.int64(0), address_of(gain), address_of(out),
        address_of(y) if len(y) else np.int64(0),
    )  # fmt: skip


@njit(inline="always")
def _finish(i, position, count, channel, width, stride, totals_at, after, changed, limits):
    """Requantise `width` channels of `count` output positions side by side, or add them to a pending sum.

    Their totals, and their levels if `width` is the whole row, lie side by side as well; so do the rows of `start` and
    `y`. The vectors for each channel repeat behind their end for as long as a block of 64 may reach.
    """
    multiplier_at, start_at, start_step, identity_at, gain_at, out_at, y_at = after
    lo, hi, band = limits[0], limits[1], limits[2]
    start_at += i * start_step
    y_at += 4 * i * stride if y_at else 0
    level = position * stride + channel
    changes = 0
    per, c, here = width // LANES, 0, position
    first, levels = 0, count * width
    while first < levels:
        at = 4 * (channel + LANES * c)
        begin = start_at + (4 * (channel + first) if start_step else at)
        if y_at:
            accumulate(begin, totals_at + 4 * first, multiplier_at + at, y_at + 4 * (channel + first))
            vectors = 1
        else:
            identity = identity_at + level + first if identity_at else np.int64(0)
            total_at, out = totals_at + 4 * first, out_at + level + first
            if levels - first >= 4 * LANES:
                vectors = 4
                mask = settle_4(begin, identity, gain_at + at, total_at, multiplier_at + at, out, lo, hi, band)
            else:
                vectors = 1
                mask = settle_1(begin, identity, gain_at + at, total_at, multiplier_at + at, out, lo, hi, band)
            if mask:
                changes += ones(mask)
                _mark(mask, here, c, per, changed)
        first += vectors * LANES
        c += vectors
        while c >= per:
            c -= per
            here += 1
    return changes


@njit(inline="always")
def _mark(mask, position, c, per, changed):
    """Set the changed flags of the positions to which the bits of a mask belong; a row is `per` runs of 16."""
    lanes = 4
    while lanes > 0:  # as often as the block enters a row, whatever changed: a branch on that would be mispredicted
        here = min(per - c, lanes)
        changed[position] |= (mask & (np.int64(-1) if here == 4 else (np.int64(1) << (LANES * here)) - 1)) != 0
        mask = mask >> (LANES * here) if here < 4 else np.int64(0)
        lanes -= here
        position += 1
        c = 0


@njit(nogil=True, cache=True)
def convolve(
    begin, end, index, source, geometry, weight, excess, multiplier, start, start_step, identity, gain, out, changed,
    y, limits, table, gathered, totals,
):  # fmt: skip
    """A convolution of one group, and what follows it; returns how many levels changed.

    `weight`: as `packing` lays it out; `start`: float32 bias `[O]` (`start_step` 0) or rows of a pending sum
    (`start_step` its row length in floats); `identity`: levels added with `gain`, if not empty; `y`: if not empty,
    the sum goes there and nothing settles; `limits`: float32 lo, hi, band.
    """
    source_at, weight_at, excess_at = address_of(source), address_of(weight), address_of(excess)
    table_at, totals_at = address_of(table), address_of(totals)
    after = _addresses(multiplier, start, start_step, identity, gain, out, y)
    window = window_of(geometry)
    taps, quads, flip, stride = geometry[4] * geometry[5], geometry[13], geometry[14], geometry[15]
    total_changes = 0
    for group in range(begin, end, TILE_ROWS):
        for slot in range(TILE_ROWS):
            window_rows(table, TILE_ROWS, slot, index[min(group + slot, end - 1)], source_at, window)
        here = min(TILE_ROWS, end - group)
        channel, block_at = 0, weight_at
        while channel < stride:
            vectors = vectors_of_next_block((stride - channel) // LANES)
            rows = 12 if vectors <= 2 else 6
            for first in range(0, here, rows):
                rows_at = table_at + 8 * first
                less_at = excess_at + 4 * channel
                if vectors == 4:
                    dot_tile_4(rows_at, taps, quads, flip, block_at, less_at, totals_at)
                elif vectors == 3:
                    dot_tile_3(rows_at, taps, quads, flip, block_at, less_at, totals_at)
                elif vectors == 2:
                    dot_tile_2(rows_at, taps, quads, flip, block_at, less_at, totals_at)
                else:
                    dot_tile_1(rows_at, taps, quads, flip, block_at, less_at, totals_at)
                for row in range(min(rows, here - first)):
                    i, width = group + first + row, LANES * vectors
                    total_at = totals_at + 4 * width * row
                    total_changes += _finish(
                        i, index[i], 1, channel, width, stride, total_at, after, changed, limits
                    )
            channel += vectors * LANES
            block_at += taps * quads * vectors * 4 * LANES
    return total_changes


@njit(nogil=True, cache=True)
def convolve_tiles(
    begin, end, index, source, geometry, weight, shapes, multiplier, start, start_step, identity, gain, out, changed,
    y, limits, table, gathered, totals,
):  # fmt: skip
    """As `convolve`, by the CPU's tile registers; `shapes` is what they are set up with."""
    source_at, gathered_at, totals_at = address_of(source), address_of(gathered), address_of(totals)
    after = _addresses(multiplier, start, start_step, identity, gain, out, y)
    window = window_of(geometry)
    pointwise, row_bytes = window[-1], geometry[12]
    steps, stride = geometry[13], geometry[15]
    total_changes = 0
    tile_begin(address_of(shapes))
    for group in range(begin, end, GROUP):
        here = min(GROUP, end - group)
        if group + 2 * GROUP <= end:  # while this group is summed, the next one's memory comes nearer
            span = min(index[group + 2 * GROUP - 1] - index[group + GROUP], GROUP - 1) + 1
            prefetch(address_of(out) + index[group + GROUP] * stride, span * stride)
            if pointwise:
                prefetch(source_at + index[group + GROUP] * row_bytes, span * row_bytes)
        if pointwise and index[group + here - 1] - index[group] == here - 1:
            input_at, input_stride = source_at + index[group] * row_bytes, row_bytes
        else:
            input_at, input_stride = gathered_at, 64 * steps
            gather(gathered_at, input_stride, table, index, group, here, source_at, window)
        block_at = address_of(weight)
        for channel in range(0, stride, PANEL):
            width = min(PANEL, stride - channel)
            for first in range(0, steps, CHUNK):
                now = min(CHUNK, steps - first)
                at = block_at + 64 * first * width
                _panel(here, input_at + 64 * first, input_stride, now, at, width, totals_at, first)
            block_at += 64 * steps * width
            row = 0
            while row < here:
                i = group + row
                count = side_by_side(index, i, here - row) if width == stride else 1
                at = totals_at + 4 * width * row
                total_changes += _finish(i, index[i], count, channel, width, stride, at, after, changed, limits)
                row += count
    tile_end()
    return total_changes


@njit(inline="always")
def _panel(here, input_at, input_stride, steps, weight_at, width, totals_at, carry_on):
    """One chunk of the sums of up to 32 output positions and `width` channels, two columns of tiles at a time."""
    totals_stride = 4 * width
    for _ in range(width // (2 * LANES)):
        if here > ROWS:
            tile_product_2x2(input_at, input_stride, steps, weight_at, totals_at, totals_stride, carry_on)
        else:
            tile_product_1x2(input_at, input_stride, steps, weight_at, totals_at, totals_stride, carry_on)
        weight_at += 2048 * steps
        totals_at += 128
    if width % (2 * LANES):
        if here > ROWS:
            tile_product_2x1(input_at, input_stride, steps, weight_at, totals_at, totals_stride, carry_on)
        else:
            tile_product_1x1(input_at, input_stride, steps, weight_at, totals_at, totals_stride, carry_on)


@njit(nogil=True, cache=True)
def convolve_depthwise(
    begin, end, index, source, geometry, weight, after_block, multiplier, start, start_step, identity, gain, out,
    changed, y, limits, table, gathered, totals,
):  # fmt: skip
    """As `convolve`, where every channel has a window of its own; `weight` and `after_block` are laid out for that.

    The levels of neighbouring output positions lie side by side in memory. So do their windows if the stride is 1:
    then blocks of 64 levels go across positions, else from each position to its last channel.
    """
    source_at, table_at, totals_at = address_of(source), address_of(table), address_of(totals)
    after = _addresses(multiplier, start, start_step, identity, gain, out, y)
    window = window_of(geometry)
    fours, flip, stride, move = geometry[13], geometry[14], geometry[15], geometry[7] * geometry[12]
    alone = len(y) == 0 and len(identity) == 0 and start_step == 0
    across = alone and geometry[7] == 1
    outside = source_at + geometry[0] * geometry[1] * geometry[12]
    total_changes = 0
    i = begin
    while i < end:
        position = index[i]
        used, run = window_rows(table, 1, 0, position, source_at, window)
        for tap in range(used, 4 * fours):
            table[tap] = outside
        count = side_by_side(index, i, min(run, end - i))
        pieces, levels = (1, count * stride) if across else (count, stride)
        for piece in range(pieces):
            here, c = position + piece, 0
            for first in range(0, levels, 4 * LANES):
                offset = piece * move + first
                weight_at, block_at = address_of(weight) + 256 * fours * c, address_of(after_block) + 768 * c
                if alone:
                    out_at = address_of(out) + (position + piece) * stride + first
                    prefetch(out_at + AHEAD, 64)
                    prefetch(table[used - 1] + offset + AHEAD, 64)
                    mask = depthwise_block(
                        table_at, offset, fours, flip, weight_at, block_at, out_at, (levels - first) // LANES,
                        limits[0], limits[1], limits[2],
                    )  # fmt: skip
                    if mask:
                        total_changes += ones(mask)
                        _mark(mask, here, c, stride // LANES, changed)
                else:
                    depthwise_sums(table_at, offset, fours, flip, weight_at, block_at, totals_at)
                    width = min(4 * LANES, levels - first)
                    total_changes += _finish(
                        i + piece, here, 1, first, width, stride, totals_at, after, changed, limits
                    )
                c += 4
                while c >= stride // LANES:
                    c -= stride // LANES
                    here += 1
        i += count
    return total_changes


@njit(nogil=True, cache=True)
def pass_on(
    begin, end, index, source, geometry, weight, excess, multiplier, start, start_step, identity, gain, out, changed,
    y, limits, table, gathered, totals,
):  # fmt: skip
    """As `convolve`, for a synapse that delivers its source as it is."""
    totals_at = address_of(totals)
    after = _addresses(multiplier, start, start_step, identity, gain, out, y)
    stride = geometry[15]
    total_changes = 0
    for i in range(begin, end):
        position = index[i]
        for channel in range(0, stride, LANES):
            for lane in range(LANES):
                c = channel + lane
                totals[lane] = source[position, c] if c < source.shape[1] else 0
            total_changes += _finish(i, position, 1, channel, LANES, stride, totals_at, after, changed, limits)
    return total_changes


@njit(inline="always")
def vectors_of_next_block(left):
    """How many vectors of 16 output channels the next tile takes when `left` remain: 4, but never leaving 1 of 5."""
    if left == 5:
        return 3
    return min(left, 4)
