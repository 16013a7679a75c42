"""How the numba kernels want a layer laid out: weights in tiles, per-channel vectors padded, geometry as numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vistream.stream.numba_kernels import vectors_of_next_block
from vistream.stream.plan import Place, SynapsePlan
from vistream.stream.vector import LANES

Ints = NDArray[np.int64]


def rounded_up(value: int, multiple: int) -> int:
    """The next multiple.

    >>> rounded_up(17, 16), rounded_up(16, 16)
    (32, 16)
    """
    return -(-value // multiple) * multiple


def geometry_of(place: Place, row_bytes: int, inner: int, flip: bool, out_stride: int) -> Ints:
    """What a kernel needs to know of a window, in the order in which it unpacks it.

    Input height, width; output height, width; kernel, stride, dilation (y, x each); padding top, left; bytes of an
    input row; groups of 4 to sum over; what to xor into 4 input bytes to make signed levels unsigned; output row
    stride.
    """
    window, placed = place.window, place.placed
    return np.array(
        [place.height, place.width, placed.height, placed.width, *window.kernel, *window.stride, *window.dilation,
         placed.top, placed.left, row_bytes, inner, 0x80808080 if flip else 0, out_stride],
        dtype=np.int64,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """A synapse as the kernels take it. `excess`: what the xor adds to every total, to be taken off again."""

    kind: str  # "convolve", "depthwise" or "pass"
    geometry: Ints
    weight: NDArray[np.int8]
    excess: NDArray[np.int32]
    multiplier: NDArray[np.float32]


def pack_synapse(synapse: SynapsePlan, channels: int, row_bytes: int, signed: bool, out_stride: int) -> Packed:
    """Lay a synapse out; `channels`, `row_bytes` and `signed` describe its source."""
    multiplier = padded(synapse.multiplier.numpy(), out_stride)
    none = np.zeros(out_stride, np.int32)
    if synapse.weight is None or synapse.place is None:
        geometry = np.zeros(16, np.int64)
        geometry[15] = out_stride
        return Packed("pass", geometry, np.zeros(0, np.int8), none, multiplier)
    weight = synapse.weight.numpy()
    if synapse.depthwise:
        taps, outputs = weight.shape
        fours = rounded_up(taps, 4) // 4
        full = np.zeros((fours * 4, out_stride), np.int8)
        full[:taps, :outputs] = weight
        tiles = full.reshape(fours, 4, out_stride // LANES, LANES).transpose(2, 0, 3, 1)
        kind, inner = "depthwise", fours
    else:
        taps = synapse.place.window.kernel[0] * synapse.place.window.kernel[1]
        quads = rounded_up(channels, 4) // 4
        full = np.zeros((taps, quads * 4, out_stride), np.int8)
        one_group = _ungrouped(weight, taps, synapse.groups)
        full[:, :channels, : one_group.shape[2]] = one_group
        tiles = _tiled(full.reshape(taps * quads, 4, out_stride))
        kind, inner = "convolve", quads
    excess = 128 * full.astype(np.int32).sum(tuple(range(full.ndim - 1)), dtype=np.int32) if signed else none
    geometry = geometry_of(synapse.place, row_bytes, inner, signed, out_stride)
    return Packed(kind, geometry, np.ascontiguousarray(tiles).reshape(-1), excess, multiplier)


def padded(vector: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Zeros behind a per-channel vector."""
    return np.pad(vector, (0, length - len(vector))).astype(np.float32)


def _ungrouped(weight: NDArray[np.int8], taps: int, groups: int) -> NDArray[np.int8]:
    """`[taps, I, O]`: grouped weights become block-diagonal ones, which cost more but mean the same."""
    if groups == 1:
        return weight.reshape(taps, -1, weight.shape[1])
    inputs, outputs = weight.shape[1] // taps, weight.shape[2]
    full = np.zeros((taps, groups * inputs, groups * outputs), np.int8)
    for group, part in enumerate(weight):
        rows, columns = slice(group * inputs, (group + 1) * inputs), slice(group * outputs, (group + 1) * outputs)
        full[:, rows, columns] = part.reshape(taps, inputs, outputs)
    return full


def _tiled(full: NDArray[np.int8]) -> NDArray[np.int8]:
    """`[K, 4, O]` to a run of tiles, each `[K, vectors, 16, 4]`."""
    inner, _, outputs = full.shape
    tiles, first = [], 0
    while first < outputs:
        vectors = vectors_of_next_block((outputs - first) // LANES)
        part = full[:, :, first : first + vectors * LANES].reshape(inner, 4, vectors, LANES)
        tiles.append(part.transpose(0, 2, 3, 1).reshape(-1))
        first += vectors * LANES
    return np.concatenate(tiles)
