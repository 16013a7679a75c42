"""Where the inputs of an output position lie: addresses of the rows under its window, and copies of them."""

# what numba compiles has no Python types
# mypy: ignore-errors

from __future__ import annotations

from numba import njit

from vistream.engine.stream.raw import GEOMETRY, copy, read_word, write_word


@njit(inline="always")
def window_of(job):
    """The geometry of a job's window, as `packing.geometry_of` lays it out, and whether it is a single position."""
    height, width, rows, columns = job[GEOMETRY], job[GEOMETRY + 1], job[GEOMETRY + 2], job[GEOMETRY + 3]
    kh, kw, sh, sw = job[GEOMETRY + 4], job[GEOMETRY + 5], job[GEOMETRY + 6], job[GEOMETRY + 7]
    dh, dw, top, left = job[GEOMETRY + 8], job[GEOMETRY + 9], job[GEOMETRY + 10], job[GEOMETRY + 11]
    # padding behind the data alone, too, makes the output larger than the input
    pointwise = kh * kw * sh * sw == 1 and top + left == 0 and rows == height and columns == width
    return height, width, columns, kh, kw, sh, sw, dh, dw, top, left, job[GEOMETRY + 12], pointwise


@njit(inline="always")
def side_by_side(index_at, i, most):
    """How many positions of `index[i : i + most]` follow upon each other."""
    first = read_word(index_at + 8 * i)
    if read_word(index_at + 8 * (i + most - 1)) - first == most - 1:
        return most
    count = 1
    while read_word(index_at + 8 * (i + count)) - first == count:
        count += 1
    return count


@njit(inline="always")
def _corner(position, source_at, window):
    """Where the window of an output position begins: y, x, its address, and for how many positions it fits.

    That is, from here to the right without leaving the frame; 0 if it does not fit here.
    """
    height, width, columns, kh, kw, sh, sw, dh, dw, top, left, row_bytes, _ = window
    y = position // columns
    x = (position - y * columns) * sw - left
    y = y * sh - top
    right = width - 1 - (x + (kw - 1) * dw)
    fits = y >= 0 and x >= 0 and y + (kh - 1) * dh < height and right >= 0
    return y, x, source_at + (y * width + x) * row_bytes, right // sw + 1 if fits else 0


@njit(inline="always")
def window_rows(table_at, stride, position, source_at, window):
    """The addresses of the input rows under the window of an output position, to words `stride` bytes apart.

    Returns where the next tap would go, and for how many output positions from here on the addresses hold if they are
    moved along: 1 where the window leaves the frame.
    """
    height, width, _, kh, kw, _, _, dh, dw, _, _, row_bytes, pointwise = window
    if pointwise:
        write_word(table_at, source_at + position * row_bytes)
        return table_at + stride, 1
    y, x, line, fits = _corner(position, source_at, window)
    down, across = dh * width * row_bytes, dw * row_bytes
    if fits:
        for _ in range(kh):
            for j in range(kw):
                write_word(table_at, line + j * across)
                table_at += stride
            line += down
        return table_at, fits
    outside = source_at + height * width * row_bytes
    for i in range(kh):
        for j in range(kw):
            row, column = y + i * dh, x + j * dw
            inside = 0 <= row < height and 0 <= column < width
            write_word(table_at, line + j * across if inside else outside)
            table_at += stride
        line += down
    return table_at, 1


@njit(inline="always")
def gather(to, to_stride, table_at, index_at, begin, count, source_at, window):
    """Copy the inputs under `count` windows side by side, a row each; up to 63 bytes behind a row are overwritten."""
    _, width, _, kh, kw, _, sw, dh, dw, _, _, row_bytes, _ = window
    done = 0
    while done < count:
        position = read_word(index_at + 8 * (begin + done))
        _, _, line, fits = _corner(position, source_at, window)
        if fits and dw == 1:  # the taps of a row of the window lie side by side
            together = side_by_side(index_at, begin + done, min(fits, count - done))
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
            behind, _ = window_rows(table_at, 8, position, source_at, window)
            for tap_at in range(table_at, behind, 8):
                copy(at, read_word(tap_at), row_bytes)
                at += row_bytes
            to += to_stride
            done += 1
