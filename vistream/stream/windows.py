"""Where the inputs of an output position lie: addresses of the rows under its window, and copies of them."""

# what numba compiles has no Python types, and it hands the code generators untyped contexts and builders
# mypy: ignore-errors

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from vistream.stream.vector import BYTES, I8, I32, LEVELS, call, load, store


@njit(inline="always")
def address_of(array):
    """Where an array's memory begins; signed, since numba makes a float of the sum of a signed and an unsigned."""
    return np.int64(array.ctypes.data)


@njit(inline="always")
def window_of(geometry):
    """The numbers that the others need, taken out of the array once: slicing it costs more than using it."""
    height, width, rows, columns = geometry[0], geometry[1], geometry[2], geometry[3]
    kh, kw, sh, sw, dh, dw, top, left = geometry[4:12]
    # padding behind the data alone, too, makes the output larger than the input
    pointwise = kh * kw * sh * sw == 1 and top + left == 0 and rows == height and columns == width
    return height, width, columns, kh, kw, sh, sw, dh, dw, top, left, geometry[12], pointwise


@njit(inline="always")
def side_by_side(index, i, most):
    """How many of `index[i : i + most]` follow upon each other."""
    if index[i + most - 1] - index[i] == most - 1:
        return most
    count = 1
    while index[i + count] - index[i] == count:
        count += 1
    return count


@njit(inline="always")
def _corner(position, source_at, window):
    """Where the window of an output position begins: y, x, its address, and for how many positions it fits.

    That is, from here to the right without leaving the frame; 0 if it does not fit here.
    """
    height, width, columns, kh, kw, sh, sw, dh, dw, top, left, row_bytes, pointwise = window
    y = position // columns
    x = (position - y * columns) * sw - left
    y = y * sh - top
    right = width - 1 - (x + (kw - 1) * dw)
    fits = y >= 0 and x >= 0 and y + (kh - 1) * dh < height and right >= 0
    return y, x, source_at + (y * width + x) * row_bytes, right // sw + 1 if fits else 0


@njit(inline="always")
def window_rows(table, stride, slot, position, source_at, window):
    """The addresses of the input rows under the window of an output position: `table[tap * stride + slot]`.

    Returns where the next tap would go, and for how many output positions from here on the addresses hold if they are
    moved along: 1 where the window leaves the frame.
    """
    height, width, columns, kh, kw, sh, sw, dh, dw, top, left, row_bytes, pointwise = window
    if pointwise:
        table[slot] = source_at + position * row_bytes
        return slot + stride, 1
    y, x, line, fits = _corner(position, source_at, window)
    at = slot
    down, across = dh * width * row_bytes, dw * row_bytes
    if fits:
        for _ in range(kh):
            for j in range(kw):
                table[at] = line + j * across
                at += stride
            line += down
        return at, fits
    outside = source_at + height * width * row_bytes
    for i in range(kh):
        for j in range(kw):
            row, column = y + i * dh, x + j * dw
            inside = 0 <= row < height and 0 <= column < width
            table[at] = line + j * across if inside else outside
            at += stride
        line += down
    return at, 1


@njit(inline="always")
def gather(to, to_stride, table, index, begin, count, source_at, window):
    """Copy the inputs under `count` windows side by side, a row each; up to 63 bytes behind a row are overwritten."""
    height, width, columns, kh, kw, sh, sw, dh, dw, top, left, row_bytes, pointwise = window
    done = 0
    while done < count:
        position = index[begin + done]
        y, x, line, fits = _corner(position, source_at, window)
        if fits and dw == 1:  # the taps of a row of the window lie side by side
            together = side_by_side(index, begin + done, min(fits, count - done))
            for _ in range(together):
                at, row = to, line
                for _ in range(kh):
                    copy(at, row, kw * row_bytes)
                    at += kw * row_bytes
                    row += dh * width * row_bytes
                to += to_stride
                line += sw * row_bytes
            done += together
        else:
            at = to
            taps, _ = window_rows(table, 1, 0, position, source_at, window)
            for tap in range(taps):
                copy(at, table[tap], row_bytes)
                at += row_bytes
            to += to_stride
            done += 1


@njit(inline="always")
def copy(to, at, count):
    """Copy `count` bytes, and some behind them: 16 at a time if they are few, else 64."""
    if count <= 32:
        move_16(to, at)
        if count > 16:
            move_16(to + 16, at + 16)
    else:
        for byte in range(0, count, 64):
            move_64(to + byte, at + byte)


def _make_move(kind):
    @intrinsic
    def move(typing, to, at):
        """Copy one vector."""

        def generate(context, builder, signature, arguments):
            store(builder, load(builder, arguments[1], kind), arguments[0])
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), generate

    return move


move_16 = _make_move(LEVELS)
move_64 = _make_move(BYTES)


@intrinsic
def _prefetch(typing, at):
    def generate(context, builder, signature, arguments):
        pointer = builder.inttoptr(arguments[0], ir.PointerType(I8))
        hints = [ir.Constant(I32, hint) for hint in (1, 3, 1)]  # to be written, to every cache, data
        call(builder, "llvm.prefetch.p0", ir.VoidType(), [pointer, *hints])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@njit(inline="always")
def prefetch(at, count):
    """Ask for `count` bytes of memory that will soon be read and written."""
    for byte in range(0, count, 64):
        _prefetch(at + byte)
