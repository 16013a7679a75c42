"""How the numba kernels want a layer laid out: weights in tiles, per-channel vectors padded, geometry as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.engine.stream.numba_kernels import CHUNK, PANEL, vectors_of_next_block
from vistream.engine.stream.plan import SynapsePlan
from vistream.engine.stream.settling import QUARTERS
from vistream.engine.stream.tiles import tile_shapes, tiles_allowed
from vistream.engine.stream.vector import LANES
from vistream.ir.footprint import Place

Ints = NDArray[np.int64]
Bytes = NDArray[np.int8]

BLOCK = 4 * LANES  # levels in one vector register
LINE = 64  # bytes of a cache line
STEP = 64  # inputs that a tile register takes at a time


def rounded_up(value: int, multiple: int) -> int:
    """The next multiple.

    >>> rounded_up(17, 16), rounded_up(16, 16)
    (32, 16)
    """
    return -(-value // multiple) * multiple


def geometry_of(place: Place, row_bytes: int, inner: int, flip: bool, out_stride: int) -> Ints:
    """What a kernel needs to know of a window, in the order in which it unpacks it.

    Input height, width; output height, width; kernel, stride, dilation (y, x each); padding top, left; bytes of an
    input row; how many quads, steps or fours of taps to sum over; what to xor into 4 input bytes to make signed levels
    unsigned; output row stride.
    """
    window, placed = place.window, place.placed
    return np.array(
        [place.height, place.width, placed.height, placed.width, *window.kernel, *window.stride, *window.dilation,
         placed.top, placed.left, row_bytes, inner, 0x80808080 if flip else 0, out_stride],
        dtype=np.int64,
    )  # fmt: skip


def aligned_zeros(count: int, dtype: type[Any]) -> NDArray[Any]:
    """Zeros `[count]` that begin where a cache line does: whole registers are then read from one line."""
    size = count * np.dtype(dtype).itemsize
    memory = np.zeros(size + LINE, np.uint8)
    begin = -memory.ctypes.data % LINE
    return memory[begin : begin + size].view(dtype)


def aligned(array: NDArray[Any]) -> NDArray[Any]:
    """A flat copy of an array that begins where a cache line does."""
    copy = aligned_zeros(array.size, array.dtype.type)
    copy[:] = array.reshape(-1)
    return copy


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """A synapse as the kernels take it; `beside` is what else its kernel needs for the sums.

    That is, for "convolve": what the xor adds to every total, int32; for "tiles": the shapes of the tiles; for
    "depthwise": excess, multiplier and bias of every block of levels.
    """

    kind: str  # "convolve", "tiles", "depthwise" or "pass"
    geometry: Ints
    weight: Bytes
    beside: NDArray[Any]
    multiplier: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Source:
    """What a synapse reads: its channels, the bytes of a row, and whether its levels may be negative."""

    channels: int
    row_bytes: int
    signed: bool


def pack_synapse(synapse: SynapsePlan, source: Source, stride: int, bias: NDArray[np.float32]) -> Packed:
    """Lay a synapse out; `stride`: of an output row; `bias`: its neuron's, `repeating`."""
    multiplier = repeating(synapse.multiplier.numpy(), stride)
    if synapse.weight is None or synapse.place is None:
        geometry = np.zeros(16, np.int64)
        size = 4 if synapse.place is None else 1  # a sum over the whole source is of int32
        geometry[12], geometry[13], geometry[15] = size * source.row_bytes, size, stride
        return Packed("pass", geometry, np.zeros(0, np.int8), np.zeros(stride, np.int32), multiplier)
    if synapse.depthwise and source.row_bytes == stride:
        return _pack_depthwise(synapse, synapse.place, source, stride, multiplier, bias)
    taps = synapse.place.window.kernel[0] * synapse.place.window.kernel[1]
    weight = synapse.weight.numpy()
    if synapse.depthwise:
        weight = weight.T[:, :, None]
    one_group = _ungrouped(weight, taps, synapse.groups)
    if tiles_allowed():
        return _pack_tiles(one_group, synapse.place, source, stride, multiplier)
    quads = rounded_up(source.channels, 4) // 4
    full = _widened(one_group, quads * 4, stride)
    excess = 128 * full.sum((0, 1), dtype=np.int32) if source.signed else np.zeros(stride, np.int32)
    geometry = geometry_of(synapse.place, source.row_bytes, quads, source.signed, stride)
    return Packed("convolve", geometry, aligned(_in_vectors(full.reshape(taps * quads, 4, stride))), excess, multiplier)


def repeating(vector: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """A per-channel vector filled up with zeros, and repeated as far as a block that begins with its end may reach."""
    row = np.pad(vector, (0, length - len(vector))).astype(np.float32)
    return aligned(np.resize(row, length + BLOCK))


def _pack_depthwise(
    synapse: SynapsePlan,
    place: Place,
    source: Source,
    stride: int,
    multiplier: NDArray[np.float32],
    bias: NDArray[np.float32],
) -> Packed:
    """A row's levels repeat along memory; what belongs to a block of 64 of them is kept for every 16 at which it may
    begin.
    """
    assert synapse.weight is not None
    taps = len(synapse.weight)
    fours = rounded_up(taps, 4) // 4
    full = np.zeros((fours * 4, stride), np.int8)
    full[:taps, : synapse.weight.shape[1]] = synapse.weight.numpy()
    excess = 128 * full.sum(0, dtype=np.int32) if source.signed else np.zeros(stride, np.int32)
    begins = np.arange(0, stride, LANES)
    channels = (begins[:, None, None] + np.array(QUARTERS)) % stride  # [begin, vector, lane]
    weight = full.reshape(fours, 4, stride)[:, :, channels].transpose(2, 0, 3, 4, 1)
    after = np.stack([excess[channels], multiplier.view(np.int32)[channels], bias.view(np.int32)[channels]], 1)
    geometry = geometry_of(place, source.row_bytes, fours, source.signed, stride)
    return Packed("depthwise", geometry, aligned(weight), aligned(after), multiplier)


def _pack_tiles(weight: Bytes, place: Place, source: Source, stride: int, multiplier: NDArray[np.float32]) -> Packed:
    """`weight` `[taps, I, O]` in the order in which `convolve_tiles` reads it: panels, chunks, pairs of columns."""
    full = _widened(weight, source.row_bytes, stride).reshape(-1, stride)
    steps = rounded_up(len(full), STEP) // STEP
    full = np.pad(full, ((0, steps * STEP - len(full)), (0, 0)))
    tiles = full.reshape(steps, LANES, 4, stride // LANES, LANES).transpose(3, 0, 1, 4, 2)  # [column, step, ...]
    panel = PANEL // LANES
    parts: list[Bytes] = []
    for first in range(0, len(tiles), panel):
        columns = tiles[first : first + panel]
        for chunk in range(0, steps, CHUNK):
            steps_here = columns[:, chunk : chunk + CHUNK].swapaxes(0, 1)
            parts.extend(_flat(steps_here[:, pair : pair + 2]) for pair in range(0, len(columns), 2))
    geometry = geometry_of(place, source.row_bytes, steps, False, stride)
    return Packed("tiles", geometry, aligned(np.concatenate(parts)), tile_shapes(), multiplier)


def _widened(weight: Bytes, inputs: int, outputs: int) -> Bytes:
    """`[taps, inputs, outputs]` with zeros for the channels beyond."""
    full = np.zeros((len(weight), inputs, outputs), np.int8)
    full[:, : weight.shape[1], : weight.shape[2]] = weight
    return full


def _ungrouped(weight: Bytes, taps: int, groups: int) -> Bytes:
    """`[taps, I, O]`: grouped weights become block-diagonal ones, which cost more but mean the same."""
    if groups == 1:
        return weight.reshape(taps, -1, weight.shape[1])
    inputs, outputs = weight.shape[1] // taps, weight.shape[2]
    full = np.zeros((taps, groups * inputs, groups * outputs), np.int8)
    for group, part in enumerate(weight):
        rows, columns = slice(group * inputs, (group + 1) * inputs), slice(group * outputs, (group + 1) * outputs)
        full[:, rows, columns] = part.reshape(taps, inputs, outputs)
    return full


def _in_vectors(full: Bytes) -> Bytes:
    """`[K, 4, O]` to a run of tiles for the dot products, each `[K, vectors, 16, 4]`."""
    inner, _, outputs = full.shape
    tiles, first = [], 0
    while first < outputs:
        vectors = vectors_of_next_block((outputs - first) // LANES)
        part = full[:, :, first : first + vectors * LANES].reshape(inner, 4, vectors, LANES)
        tiles.append(_flat(part.transpose(0, 2, 3, 1)))
        first += vectors * LANES
    return np.concatenate(tiles)


def _flat(array: Bytes) -> Bytes:
    return np.ascontiguousarray(array).reshape(-1)
