"""The kernels around the sums: which pixels moved, whom that reaches, and layers that only move levels about.

As in `numba_kernels.py`: levels are int8 `[H * W + 1, stride]`, masks uint8 `[H * W]`, `geometry` is what
`packing.geometry_of` lays out, and nothing here depends on how the work is shared among threads.
"""

# what numba compiles has no Python types
# mypy: ignore-errors

from __future__ import annotations

import numpy as np
from numba import njit

from vistream.engine.stream.raw import address_of, write_places


@njit(nogil=True, cache=True)
def spread(begin, end, source, reached, geometry):
    """Mark in rows `begin`..`end` of `reached` `[h * w]` the positions whose window holds a dirty input.

    `source`: `[H * W]`. First along columns, into a line with room at both ends, then along it.
    """
    height, width, columns = geometry[0], geometry[1], geometry[3]
    kh, kw, sh, sw, dh, dw, top, left = geometry[4:12]
    line = np.zeros(max((columns - 1) * sw + (kw - 1) * dw + 1, left + width), np.uint8)
    inside = line[left : left + width]
    for y in range(begin, end):
        inside[:] = 0
        for k in range(kh):
            at = y * sh + k * dh - top
            if 0 <= at < height:
                row = source[at * width : (at + 1) * width]
                for x in range(width):
                    inside[x] |= row[x]
        out = reached[y * columns : (y + 1) * columns]
        for k in range(kw):
            shifted = line[k * dw :]
            if sw == 1:
                for x in range(columns):
                    out[x] |= shifted[x]
            elif sw == 2:  # a stride that the compiler knows becomes vector code
                for x in range(columns):
                    out[x] |= shifted[2 * x]
            else:
                for x in range(columns):
                    out[x] |= shifted[x * sw]
    return 0


@njit(nogil=True, cache=True)
def take(owed, needed, taken, index):
    """Move the marks that are owed and needed to `taken`, and their positions to `index`; returns how many."""
    count, index_at = 0, address_of(index)
    whole = len(owed) // 8
    owed_eights = owed[: 8 * whole].view(np.int64)
    needed_eights = needed[: 8 * whole].view(np.int64)
    taken_eights = taken[: 8 * whole].view(np.int64)
    for i in range(whole):
        eight = owed_eights[i] & needed_eights[i]
        if eight == 0:
            continue
        owed_eights[i] ^= eight
        taken_eights[i] |= eight
        count += write_places(eight, 8 * i, index_at + 8 * count)
    for i in range(8 * whole, len(owed)):
        mark = owed[i] & needed[i]
        owed[i] ^= mark
        taken[i] |= mark
        index[count] = i
        count += mark
    return count


@njit(nogil=True, cache=True)
def copy_rows(count, index, source, sources_index, first, channels, out, changed):
    """Copy `channels` channels of rows `sources_index[position]` to channel `first` on; returns how many changed."""
    total_changes = 0
    for i in range(count):
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
