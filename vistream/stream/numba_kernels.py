"""The kernels of the stream in numba: each brings the listed output positions of one layer up to date in one pass.

A kernel gathers its windows by address, multiplies, requantises, writes the level and the changed flag, and counts,
without intermediate arrays; so a frame in which everything moved costs no more than a dense network would. Every kernel
works on `index[begin:end]`, releases the GIL and allocates nothing, so that several threads can share a layer.

Levels are stored as int8 `[H * W + 1, stride]`: `stride` is the channels rounded up, the channels beyond stay 0, and
the last row, all 0, is what windows see outside the frame. `geometry` is the vector that `geometry_of` lays out.
The twin of every kernel in plain torch is in `torch_kernels.py`.
"""

# what numba compiles has no Python types
# mypy: ignore-errors

from __future__ import annotations

from numba import njit

from vistream.stream.vector import (
    LANES,
    TILE_ROWS,
    accumulate,
    dot_depthwise,
    dot_tile_1,
    dot_tile_2,
    dot_tile_3,
    dot_tile_4,
    settle,
)

TOTALS = 24  # vectors of running totals that a kernel may ask room for


@njit(inline="always")
def _window(geometry):
    """The numbers that `_window_rows` needs, taken out of the array once: slicing it costs more than using it."""
    height, width, rows, columns = geometry[0], geometry[1], geometry[2], geometry[3]
    kh, kw, sh, sw, dh, dw, top, left = geometry[4:12]
    # padding behind the data alone, too, makes the output larger than the input
    pointwise = kh * kw * sh * sw == 1 and top + left == 0 and rows == height and columns == width
    return height, width, columns, kh, kw, sh, sw, dh, dw, top, left, geometry[12], pointwise


@njit(inline="always")
def _window_rows(table, stride, slot, position, source_at, window):
    """The addresses of the input rows under the window of an output position: `table[tap * stride + slot]`."""
    height, width, columns, kh, kw, sh, sw, dh, dw, top, left, row_bytes, pointwise = window
    if pointwise:
        table[slot] = source_at + position * row_bytes
        return slot + stride
    y = position // columns
    x = (position - y * columns) * sw - left
    y = y * sh - top
    at = slot
    line = source_at + (y * width + x) * row_bytes
    down, across = dh * width * row_bytes, dw * row_bytes
    if y >= 0 and x >= 0 and y + (kh - 1) * dh < height and x + (kw - 1) * dw < width:
        for _ in range(kh):
            for j in range(kw):
                table[at] = line + j * across
                at += stride
            line += down
        return at
    outside = source_at + height * width * row_bytes
    for i in range(kh):
        for j in range(kw):
            row, column = y + i * dh, x + j * dw
            inside = 0 <= row < height and 0 <= column < width
            table[at] = line + j * across if inside else outside
            at += stride
        line += down
    return at


# What follows a sum, as addresses: numba counts references to arrays, which would cost more than the sum itself.
# (excess, multiplier, start, bytes from one start to the next, identity, gain, out, y), each 0 where there is none.
@njit(inline="always")
def _addresses(excess, multiplier, start, start_step, identity, gain, out, y):
    return (
        excess.ctypes.data, multiplier.ctypes.data, start.ctypes.data, 4 * start_step,
        identity.ctypes.data if len(identity) else 0, gain.ctypes.data, out.ctypes.data,
        y.ctypes.data if len(y) else 0,
    )  # fmt: skip


@njit(inline="always")
def _finish(i, position, channel, vectors, stride, totals_at, after, lo, hi, band):
    """Requantise `vectors` x 16 channels of one output position, or add them to a pending sum."""
    excess_at, multiplier_at, start_at, start_step, identity_at, gain_at, out_at, y_at = after
    at = 4 * channel
    start_at += i * start_step + at
    excess_at, multiplier_at, gain_at = excess_at + at, multiplier_at + at, gain_at + at
    level = position * stride + channel
    out_at += level
    changes = 0
    if y_at:
        y_at += 4 * i * stride + at
        for v in range(vectors):
            at = 4 * LANES * v
            accumulate(start_at + at, totals_at + at, excess_at + at, multiplier_at + at, y_at + at)
    elif identity_at:
        identity_at += level
        for v in range(vectors):
            at = 4 * LANES * v
            changes += settle(
                start_at + at, identity_at + LANES * v, gain_at + at, totals_at + at,
                excess_at + at, multiplier_at + at, out_at + LANES * v, lo, hi, band,
            )  # fmt: skip
    else:
        for v in range(vectors):
            at = 4 * LANES * v
            changes += settle(
                start_at + at, 0, 0, totals_at + at,
                excess_at + at, multiplier_at + at, out_at + LANES * v, lo, hi, band,
            )  # fmt: skip
    return changes


@njit(nogil=True, cache=True)
def convolve(
    begin, end, index, source, geometry, weight, excess, multiplier, start, start_step, identity, gain, out, changed,
    y, limits, table, totals,
):  # fmt: skip
    """A convolution of one group, and what follows it; returns how many levels changed.

    `weight`: as `packing` lays it out; `start`: float32 bias `[O]` (`start_step` 0) or rows of a pending sum
    (`start_step` its row length in floats); `identity`: levels added with `gain`, if not empty; `y`: if not empty,
    the sum goes there and nothing settles; `limits`: float32 lo, hi, band.
    """
    source_at, weight_at = source.ctypes.data, weight.ctypes.data
    table_at, totals_at = table.ctypes.data, totals.ctypes.data
    after = _addresses(excess, multiplier, start, start_step, identity, gain, out, y)
    window = _window(geometry)
    lo, hi, band = limits[0], limits[1], limits[2]
    taps, quads, flip, stride = geometry[4] * geometry[5], geometry[13], geometry[14], geometry[15]
    total_changes = 0
    for group in range(begin, end, TILE_ROWS):
        for slot in range(TILE_ROWS):
            _window_rows(table, TILE_ROWS, slot, index[min(group + slot, end - 1)], source_at, window)
        here = min(TILE_ROWS, end - group)
        channel, block_at = 0, weight_at
        while channel < stride:
            vectors = vectors_of_next_block((stride - channel) // LANES)
            rows = 12 if vectors <= 2 else 6
            for first in range(0, here, rows):
                rows_at = table_at + 8 * first
                if vectors == 4:
                    dot_tile_4(rows_at, taps, quads, flip, block_at, totals_at)
                elif vectors == 3:
                    dot_tile_3(rows_at, taps, quads, flip, block_at, totals_at)
                elif vectors == 2:
                    dot_tile_2(rows_at, taps, quads, flip, block_at, totals_at)
                else:
                    dot_tile_1(rows_at, taps, quads, flip, block_at, totals_at)
                for row in range(min(rows, here - first)):
                    i = group + first + row
                    position = index[i]
                    total_at = totals_at + 4 * LANES * vectors * row
                    changes = _finish(i, position, channel, vectors, stride, total_at, after, lo, hi, band)
                    changed[position] |= changes != 0
                    total_changes += changes
            channel += vectors * LANES
            block_at += taps * quads * vectors * 4 * LANES
    return total_changes


@njit(nogil=True, cache=True)
def convolve_depthwise(
    begin, end, index, source, geometry, weight, excess, multiplier, start, start_step, identity, gain, out, changed,
    y, limits, table, totals,
):  # fmt: skip
    """As `convolve`, where every channel has a window of its own; its `weight` is laid out for that."""
    source_at, weight_at = source.ctypes.data, weight.ctypes.data
    table_at, totals_at = table.ctypes.data, totals.ctypes.data
    after = _addresses(excess, multiplier, start, start_step, identity, gain, out, y)
    window = _window(geometry)
    lo, hi, band = limits[0], limits[1], limits[2]
    fours, flip, stride = geometry[13], geometry[14], geometry[15]
    outside = source_at + geometry[0] * geometry[1] * geometry[12]
    total_changes = 0
    for i in range(begin, end):
        position = index[i]
        used = _window_rows(table, 1, 0, position, source_at, window)
        for tap in range(used, 4 * fours):
            table[tap] = outside
        changes = 0
        for channel in range(0, stride, LANES * TOTALS):
            vectors = min((stride - channel) // LANES, TOTALS)
            for v in range(vectors):
                c = channel + LANES * v
                total_at = totals_at + 4 * LANES * v
                dot_depthwise(table_at, c, fours, flip, weight_at + c * fours * 4, total_at)
            changes += _finish(i, position, channel, vectors, stride, totals_at, after, lo, hi, band)
        changed[position] |= changes != 0
        total_changes += changes
    return total_changes


@njit(nogil=True, cache=True)
def pass_on(
    begin, end, index, source, geometry, weight, excess, multiplier, start, start_step, identity, gain, out, changed,
    y, limits, table, totals,
):  # fmt: skip
    """As `convolve`, for a synapse that delivers its source as it is."""
    totals_at = totals.ctypes.data
    after = _addresses(excess, multiplier, start, start_step, identity, gain, out, y)
    lo, hi, band = limits[0], limits[1], limits[2]
    stride = geometry[15]
    total_changes = 0
    for i in range(begin, end):
        position = index[i]
        changes = 0
        for channel in range(0, stride, LANES):
            for lane in range(LANES):
                c = channel + lane
                totals[lane] = source[position, c] if c < source.shape[1] else 0
            changes += _finish(i, position, channel, 1, stride, totals_at, after, lo, hi, band)
        changed[position] |= changes != 0
        total_changes += changes
    return total_changes


@njit(inline="always")
def vectors_of_next_block(left):
    """How many vectors of 16 output channels the next tile takes when `left` remain: 4, but never leaving 1 of 5."""
    if left == 5:
        return 3
    return min(left, 4)
