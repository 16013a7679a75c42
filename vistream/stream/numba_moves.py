"""The kernels around the sums: which pixels moved, whom that reaches, and layers that only move levels about.

As in `numba_kernels.py`: levels are int8 `[H * W + 1, stride]`, masks uint8 `[H * W]`, `geometry` is what
`packing.geometry_of` lays out, and nothing here depends on how the work is shared among threads.
"""

# what numba compiles has no Python types
# mypy: ignore-errors

from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def read_pixels(begin, end, frame, held, levels, mask, deadband):
    """Take over the pixels of rows `begin`..`end` that moved by more than `deadband`; returns how many did.

    `frame`, `held`: uint8 `[H, W, 3]`; `levels`: int8 `[H * W + 1, 4]`; `mask`: uint8 `[H * W]`, written. A run of 64
    pixels in which nothing moved costs one comparison of bytes, in vector code; the rest is free of branches.
    """
    width = frame.shape[1]
    limit, half = np.uint8(deadband), np.uint8(128)
    moved = 0
    for y in range(begin, end):
        new, old = frame[y].reshape(-1), held[y].reshape(-1)
        marks = mask[y * width : (y + 1) * width]
        quads = levels[y * width : (y + 1) * width].reshape(-1)
        for left in range(0, width, 64):
            right = min(left + 64, width)
            a, b, quad = new[3 * left : 3 * right], old[3 * left : 3 * right], quads[4 * left : 4 * right]
            over = np.uint8(0)
            for i in range(len(a)):
                over |= _distance(a[i], b[i]) > limit
            if not over:
                marks[left:right] = 0
                continue
            for x in range(right - left):
                red, green, blue = 3 * x, 3 * x + 1, 3 * x + 2
                mark = (
                    (_distance(a[red], b[red]) > limit)
                    | (_distance(a[green], b[green]) > limit)
                    | (_distance(a[blue], b[blue]) > limit)
                )
                marks[left + x] = mark
                moved += mark
                for c in range(3):
                    pixel = a[3 * x + c] if mark else b[3 * x + c]
                    b[3 * x + c] = pixel
                    quad[4 * x + c] = np.int8(pixel ^ half)
    return moved


@njit(inline="always")
def _distance(a, b):
    return np.uint8(max(a, b) - min(a, b))


@njit(nogil=True, cache=True)
def spread(source, across, reached, geometry):
    """Mark in `reached` `[h * w]` the output positions whose window holds a dirty input of `source` `[H * W]`.

    `across`: work space of `H * w`. First along rows, then along columns.
    """
    height, width, rows, columns = geometry[0], geometry[1], geometry[2], geometry[3]
    kh, kw, sh, sw, dh, dw, top, left = geometry[4:12]
    for y in range(height):
        line, out = source[y * width : (y + 1) * width], across[y * columns : (y + 1) * columns]
        out[:] = 0
        for k in range(kw):
            shift = k * dw - left
            first = max(0, (-shift + sw - 1) // sw)
            last = min(columns, (width - 1 - shift) // sw + 1)
            if sw == 1:
                for x in range(first, last):
                    out[x] |= line[x + shift]
            else:
                for x in range(first, last):
                    out[x] |= line[x * sw + shift]
    for y in range(rows):
        out = reached[y * columns : (y + 1) * columns]
        for k in range(kh):
            at = y * sh + k * dh - top
            if 0 <= at < height:
                line = across[at * columns : (at + 1) * columns]
                for x in range(columns):
                    out[x] |= line[x]


@njit(nogil=True, cache=True)
def compact(mask, index):
    """Write the positions of a mask's ones into `index`; returns how many there are."""
    count = 0
    for i in range(len(mask)):
        index[count] = i
        count += mask[i] != 0
    return count


@njit(nogil=True, cache=True)
def max_pool(begin, end, index, source, geometry, out, changed):
    """The largest level under each window; returns how many changed."""
    height, width, columns = geometry[0], geometry[1], geometry[3]
    kh, kw, sh, sw, dh, dw, top, left = geometry[4:12]
    channels = geometry[15]
    total_changes = 0
    largest = np.empty(channels, np.int8)
    for i in range(begin, end):
        position = index[i]
        y0, x0 = (position // columns) * sh - top, (position % columns) * sw - left
        largest[:] = -128
        for a in range(kh):
            for b in range(kw):
                y, x = y0 + a * dh, x0 + b * dw
                if 0 <= y < height and 0 <= x < width:
                    row = source[y * width + x]
                    for c in range(channels):
                        largest[c] = max(largest[c], row[c])
        changes = 0
        row = out[position]
        for c in range(channels):
            changes += row[c] != largest[c]
            row[c] = largest[c]
        if changes:
            changed[position] = 1
            total_changes += changes
    return total_changes


@njit(nogil=True, cache=True)
def copy_rows(begin, end, index, source, sources_index, first, channels, out, changed):
    """Copy `channels` channels of rows `sources_index[position]` to channel `first` on; returns how many changed."""
    total_changes = 0
    for i in range(begin, end):
        position = index[i]
        new, row = source[sources_index[position]], out[position]
        changes = 0
        for c in range(channels):
            changes += row[first + c] != new[c]
            row[first + c] = new[c]
        if changes:
            changed[position] = 1
            total_changes += changes
    return total_changes
