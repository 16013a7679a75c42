"""The kernels of the stream in numba: each brings the listed output positions of one layer up to date in one pass.

A kernel gathers its windows by address, multiplies, requantises, writes the level and the changed flag, and counts,
without intermediate arrays; so a frame in which everything moved costs no more than a dense network would. Every kernel
takes a job (see `raw.py`), works on `index[begin:end]`, needs a workspace of its own and allocates nothing, so that
several threads can share a layer. Each returns how many levels changed.

Levels are stored as int8 `[H * W + 1, stride]`: `stride` is the channels rounded up, the channels beyond stay 0, and
the last row, all 0, is what windows see outside the frame; some bytes behind it may be read, but mean nothing.
The twin of every kernel in plain torch is in `twin/`.
"""

# what numba compiles has no Python types
# mypy: ignore-errors

from __future__ import annotations

import numpy as np
from numba import njit

from vistream.engine.stream.dots import (
    depthwise_block,
    depthwise_sums,
    dot_tile_1,
    dot_tile_2,
    dot_tile_3,
    dot_tile_4,
)
from vistream.engine.stream.finishing import finish_one, finish_run, limits_of, mark
from vistream.engine.stream.raw import (
    BESIDE_AT,
    CHANGED_AT,
    GATHERED_AT,
    GEOMETRY,
    IDENTITY_AT,
    INDEX_AT,
    JOB_WORDS,
    NEXT_AT,
    OUT_AT,
    PENDING_AT,
    RESUMES,
    SOURCE_AT,
    TABLE_AT,
    TOTALS_AT,
    WEIGHT_AT,
    WORKSPACE_WORDS,
    kernel,
    prefetch,
    read_int,
    read_level,
    read_word,
    words_at,
    write_int,
    write_word,
)  # fmt: skip
from vistream.engine.stream.settling import max_64, ones
from vistream.engine.stream.tiles import (
    GROUP,
    ROWS,
    tile_begin,
    tile_end,
    tile_product_1x1,
    tile_product_1x2,
    tile_product_2x1,
    tile_product_2x2,
)
from vistream.engine.stream.vector import LANES, TILE_ROWS
from vistream.engine.stream.windows import gather, side_by_side, window_of, window_rows

CHUNK = 12  # steps of 64 bytes for which a group of inputs stays in the first-level cache
PANEL = 256  # output channels that are summed before they settle
AHEAD = 1024  # bytes; how far ahead of a depthwise block memory is asked for
NEXT = 8  # positions; how far ahead of a run memory is asked for
SUMS = GROUP * PANEL + 4 * LANES  # running totals that a kernel needs room for, and what a block reads beyond


@njit(inline="always")
def vectors_of_next_block(left):
    """How many vectors of 16 output channels the next tile takes when `left` remain: 4, but never leaving 1 of 5."""
    if left == 5:
        return 3
    return min(left, 4)


@njit(inline="always")
def _finish_rows(job, first, count, channel, width, stride, totals_at, pending_at, limits):
    """Finish `count` output positions from `index[first]` on whose totals lie side by side."""
    index_at = job[INDEX_AT]
    position = read_word(index_at + 8 * first)
    if width == stride and read_word(index_at + 8 * (first + count - 1)) - position == count - 1:
        return finish_run(job, position, count, channel, width, stride, totals_at, pending_at, limits)
    changes = 0
    for i in range(first, first + count):
        position = read_word(index_at + 8 * i)
        changes += finish_one(job, position, channel, width, stride, totals_at, pending_at, limits)
        totals_at += 4 * width
        pending_at += 4 * stride
    return changes


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


@kernel
def convolve(job_at, begin, end, workspace_at):
    """A convolution by dot products. Its inner sum: quads of 4 channels; `beside`: the excess of each channel."""
    job, workspace = words_at(job_at, JOB_WORDS), words_at(workspace_at, WORKSPACE_WORDS)
    index_at, source_at, table_at, totals_at = job[INDEX_AT], job[SOURCE_AT], workspace[TABLE_AT], workspace[TOTALS_AT]
    window, limits = window_of(job), limits_of(job)
    taps, quads = job[GEOMETRY + 4] * job[GEOMETRY + 5], job[GEOMETRY + 13]
    flip, stride = job[GEOMETRY + 14], job[GEOMETRY + 15]
    changes = 0
    for group in range(begin, end, TILE_ROWS):
        here = min(TILE_ROWS, end - group)
        for slot in range(TILE_ROWS):
            position = read_word(index_at + 8 * (group + min(slot, here - 1)))
            window_rows(table_at + 8 * slot, 8 * TILE_ROWS, position, source_at, window)
        channel, block_at = 0, job[WEIGHT_AT]
        while channel < stride:
            vectors = vectors_of_next_block((stride - channel) // LANES)
            rows, width = 12 if vectors <= 2 else 6, LANES * vectors
            for first in range(0, here, rows):
                rows_at, excess_at = table_at + 8 * first, job[BESIDE_AT] + 4 * channel
                if vectors == 4:
                    dot_tile_4(rows_at, taps, quads, flip, block_at, excess_at, totals_at)
                elif vectors == 3:
                    dot_tile_3(rows_at, taps, quads, flip, block_at, excess_at, totals_at)
                elif vectors == 2:
                    dot_tile_2(rows_at, taps, quads, flip, block_at, excess_at, totals_at)
                else:
                    dot_tile_1(rows_at, taps, quads, flip, block_at, excess_at, totals_at)
                pending_at = workspace[PENDING_AT] + 4 * (group + first - begin) * stride
                changes += _finish_rows(
                    job, group + first, min(rows, here - first), channel, width, stride, totals_at, pending_at, limits
                )
            channel += width
            block_at += taps * quads * vectors * 4 * LANES
    return changes


@kernel
def convolve_tiles(job_at, begin, end, workspace_at):
    """A convolution by the CPU's tile registers. Its inner sum: steps of 64 inputs; `beside`: the tiles' shapes."""
    job, workspace = words_at(job_at, JOB_WORDS), words_at(workspace_at, WORKSPACE_WORDS)
    index_at, source_at, totals_at = job[INDEX_AT], job[SOURCE_AT], workspace[TOTALS_AT]
    window, limits = window_of(job), limits_of(job)
    pointwise, row_bytes, steps, stride = window[-1], job[GEOMETRY + 12], job[GEOMETRY + 13], job[GEOMETRY + 15]
    changes = 0
    tile_begin(job[BESIDE_AT])
    for group in range(begin, end, GROUP):
        here = min(GROUP, end - group)
        position = read_word(index_at + 8 * group)
        for i in range(group + GROUP, min(group + 2 * GROUP, end)):  # the next group's memory comes nearer meanwhile
            ahead = read_word(index_at + 8 * i)
            prefetch(job[OUT_AT] + ahead * stride, stride)
            if job[IDENTITY_AT]:
                prefetch(job[IDENTITY_AT] + ahead * stride, stride)
            if pointwise:
                prefetch(source_at + ahead * row_bytes, row_bytes)
        if pointwise and side_by_side(index_at, group, here) == here:
            input_at, input_stride = source_at + position * row_bytes, row_bytes
        else:
            input_at, input_stride = workspace[GATHERED_AT], 64 * steps
            gather(input_at, input_stride, workspace[TABLE_AT], index_at, group, here, source_at, window)
        block_at = job[WEIGHT_AT]
        for channel in range(0, stride, PANEL):
            width = min(PANEL, stride - channel)
            for first in range(0, steps, CHUNK):
                now = min(CHUNK, steps - first)
                _panel(
                    here, input_at + 64 * first, input_stride, now, block_at + 64 * first * width, width, totals_at,
                    first,
                )  # fmt: skip
            block_at += 64 * steps * width
            pending_at = workspace[PENDING_AT] + 4 * (group - begin) * stride
            changes += _finish_rows(job, group, here, channel, width, stride, totals_at, pending_at, limits)
    tile_end()
    return changes


@kernel
def convolve_depthwise(job_at, begin, end, workspace_at):
    """A convolution in which every channel has a window of its own. Its inner sum: fours of taps.

    The levels of neighbouring output positions lie side by side in memory. So do their windows if the stride is 1:
    then blocks of 64 levels go across positions, else from each position to its last channel. `beside`: what follows
    the sums of such a block, see `dots.depthwise_block`.
    """
    job, workspace = words_at(job_at, JOB_WORDS), words_at(workspace_at, WORKSPACE_WORDS)
    index_at, source_at, table_at, totals_at = job[INDEX_AT], job[SOURCE_AT], workspace[TABLE_AT], workspace[TOTALS_AT]
    window, limits = window_of(job), limits_of(job)
    fours, flip, stride = job[GEOMETRY + 13], job[GEOMETRY + 14], job[GEOMETRY + 15]
    across, row_bytes, per = job[GEOMETRY + 7], job[GEOMETRY + 12], stride // LANES
    alone = job[NEXT_AT] == 0 and job[IDENTITY_AT] == 0 and job[RESUMES] == 0
    changes, i = 0, begin
    origin, run, moved, last_tap = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    while i < end:
        position = read_word(index_at + 8 * i)
        if position < origin + run:  # the addresses in the table hold, moved along
            moved = (position - origin) * across * row_bytes
        else:
            origin, moved = position, np.int64(0)
            behind, run = window_rows(table_at, 8, position, source_at, window)
            last_tap = read_word(behind - 8)
            while behind < table_at + 32 * fours:  # taps to fill up a four, whose weights are 0
                write_word(behind, last_tap)
                behind += 8
        count = side_by_side(index_at, i, min(origin + run - position, end - i))
        ahead = read_word(index_at + 8 * min(i + count + NEXT, end - 1))
        prefetch(job[OUT_AT] + ahead * stride, stride)
        pieces, levels = (1, count * stride) if alone and across == 1 else (count, stride)
        for piece in range(pieces):
            here, c, out_from = position + piece, 0, job[OUT_AT] + (position + piece) * stride
            for first in range(0, levels, 4 * LANES):
                offset, out_at = moved + piece * across * row_bytes + first, out_from + first
                weight_at, beside_at = job[WEIGHT_AT] + 256 * fours * c, job[BESIDE_AT] + 768 * c
                if alone:
                    prefetch(out_at + AHEAD, 64)
                    prefetch(last_tap + offset + AHEAD, 64)
                    lanes = min((levels - first) // LANES, 4)
                    mask = depthwise_block(
                        table_at, offset, fours, flip, weight_at, beside_at, out_at, lanes, limits[0], limits[1],
                        limits[2],
                    )  # fmt: skip
                    changes += ones(mask)
                    mark(mask, job[CHANGED_AT] + here, c, per, lanes)
                else:
                    depthwise_sums(table_at, offset, fours, flip, weight_at, beside_at, totals_at)
                    width = min(4 * LANES, levels - first)
                    pending_at = workspace[PENDING_AT] + 4 * (i + piece - begin) * stride
                    changes += finish_one(job, here, first, width, stride, totals_at, pending_at, limits)
                c += 4
                while c >= per:
                    c -= per
                    here += 1
        i += count
    return changes


@kernel
def pass_on(job_at, begin, end, workspace_at):
    """A synapse that delivers its source as it is: levels, or int32 where the geometry's inner word is 4."""
    job, workspace = words_at(job_at, JOB_WORDS), words_at(workspace_at, WORKSPACE_WORDS)
    index_at, totals_at, limits = job[INDEX_AT], workspace[TOTALS_AT], limits_of(job)
    row_bytes, size, stride = job[GEOMETRY + 12], job[GEOMETRY + 13], job[GEOMETRY + 15]
    changes = 0
    for i in range(begin, end):
        position = read_word(index_at + 8 * i)
        source_at = job[SOURCE_AT] + position * row_bytes
        for channel in range(0, stride, LANES):
            for lane in range(LANES):
                byte = size * (channel + lane)
                total = 0
                if byte < row_bytes:
                    total = read_int(source_at + byte) if size == 4 else read_level(source_at + byte)
                write_int(totals_at + 4 * lane, total)
            pending_at = workspace[PENDING_AT] + 4 * (i - begin) * stride
            changes += finish_one(job, position, channel, LANES, stride, totals_at, pending_at, limits)
    return changes


@kernel
def max_pool(job_at, begin, end, workspace_at):
    """The largest level under each window."""
    job, workspace = words_at(job_at, JOB_WORDS), words_at(workspace_at, WORKSPACE_WORDS)
    index_at, table_at = job[INDEX_AT], workspace[TABLE_AT]
    window, stride = window_of(job), job[GEOMETRY + 15]
    outside = job[SOURCE_AT] + job[GEOMETRY] * job[GEOMETRY + 1] * job[GEOMETRY + 12]
    changes = 0
    for i in range(begin, end):
        position = read_word(index_at + 8 * i)
        behind, _ = window_rows(table_at, 8, position, job[SOURCE_AT], window)
        taps = 0
        for at in range(table_at, behind, 8):  # only what lies inside
            row_at = read_word(at)
            if row_at != outside:
                write_word(table_at + 8 * taps, row_at)
                taps += 1
        for channel in range(0, stride, 4 * LANES):
            out_at, lanes = job[OUT_AT] + position * stride + channel, min((stride - channel) // LANES, 4)
            mask = max_64(table_at, taps, channel, out_at, lanes)
            if mask:
                changes += ones(mask)
                mark(mask, job[CHANGED_AT] + position, 0, 4, lanes)
    return changes
