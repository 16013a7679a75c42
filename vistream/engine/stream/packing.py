"""How the kernels want the constants of a layer laid out: weights in registers' order, vectors by channel padded."""

from __future__ import annotations

import mmap
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.engine.stream.plan import SynapsePlan
from vistream.kernels.library import Variant

Bytes = NDArray[np.int8]
Ints = NDArray[np.int32]
Reals = NDArray[np.float32]

UNIT = 16  # channels that rows of levels are filled up to, and whose weights lie together
LINE = 64  # bytes of a cache line, and of a row of a tile register
PAGE = 1 << 21  # bytes of a large page
BEHIND = 4096  # bytes behind an array that a kernel may read or ask for: it goes by whole registers


def rounded_up(value: int, multiple: int) -> int:
    """The next multiple.

    >>> rounded_up(17, 16), rounded_up(16, 16)
    (32, 16)
    """
    return -(-value // multiple) * multiple


def aligned_zeros(count: int, dtype: type[Any]) -> NDArray[Any]:
    """Zeros `[count]` that begin where a cache line does, with room behind them that may be read.

    Large ones lie in large pages, where the system has such: changes are scattered over maps, and finding the page of
    an address takes long, above all in a virtual machine.
    """
    size = count * np.dtype(dtype).itemsize
    if sys.platform == "linux" and size >= PAGE:
        private = mmap.mmap(-1, size + PAGE + BEHIND, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with suppress(OSError):  # a kernel may be built without them
            private.madvise(mmap.MADV_HUGEPAGE)
        memory, start = np.frombuffer(private, np.uint8), PAGE
    else:
        memory, start = np.zeros(size + LINE + BEHIND, np.uint8), LINE
    begin = -memory.ctypes.data % start
    return memory[begin : begin + size].view(dtype)


def aligned(array: NDArray[Any]) -> NDArray[Any]:
    """A flat copy of an array that begins where a cache line does."""
    copy = aligned_zeros(array.size, array.dtype.type)
    copy[:] = array.reshape(-1)
    return copy


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """The constants of one term, as job.h describes them; `quads` is 0 where it has no matrix product."""

    depthwise: bool
    weight: Bytes
    begin: Ints
    multiplier: Reals
    quads: int


def filled(vector: NDArray[Any], stride: int) -> NDArray[Any]:
    """A vector by channel, with zeros for the channels beyond."""
    return aligned(np.pad(vector, (0, stride - len(vector))))


def pack(
    synapse: SynapsePlan, channels: int, row_bytes: int, is_signed: bool, stride: int, bias: Reals, variant: Variant
) -> Packed:
    """Lay a convolution out. `channels`, `row_bytes`: of its source; `stride`, `bias`: of its output."""
    assert synapse.weight is not None and synapse.place is not None
    kernel = synapse.place.window.kernel
    taps = kernel[0] * kernel[1]
    weight: NDArray[Any] = synapse.weight.numpy()
    dense = weight.T[:, :, None] if synapse.depthwise else weight
    offset = np.zeros(stride, np.int32)
    if synapse.offset is not None:
        offset[: len(synapse.offset)] = synapse.offset.numpy()
    multiplier = np.pad(synapse.multiplier.numpy(), (0, stride - len(synapse.multiplier))).astype(np.float32)
    if synapse.depthwise and row_bytes == stride:
        full = np.zeros((taps, stride), np.int8)
        full[:, : weight.shape[1]] = weight
        begin = offset - _excess(full.sum(0, dtype=np.int32), is_signed, variant)
        order = dealt_order(stride, variant.vector_bytes)
        together = np.concatenate([multiplier, multiplier[order], bias[:stride][order]])
        return Packed(True, aligned(_depthwise(full, kernel, variant)), aligned(begin[order]), aligned(together), 0)
    block = ungrouped(dense, taps, synapse.groups)
    begin = offset.copy()
    if not variant.tiles:  # tile registers take signed levels as they are
        begin[: block.shape[2]] -= _excess(block.sum((0, 1), dtype=np.int32), is_signed, variant)
    inner = row_bytes if variant.tiles else rounded_up(channels, 4)
    filled_up = np.zeros((taps, inner, stride), np.int8)
    filled_up[:, : block.shape[1], : block.shape[2]] = block
    wide = filled_up.reshape(-1, stride)
    if variant.tiles:
        wide = np.pad(wide, ((0, -len(wide) % LINE), (0, 0)))
    # [K, O] to [unit of channels][K / 4][channel][4]
    units = wide.reshape(-1, 4, stride // UNIT, UNIT).transpose(2, 0, 3, 1)
    quads = len(wide) // 4 if variant.tiles else inner // 4
    return Packed(False, aligned(units), aligned(begin), aligned(multiplier), quads)


def _excess(sums: Ints, is_signed: bool, variant: Variant) -> Ints:
    """What flipping the sign of every input adds to the sums of the weights `sums`."""
    return 128 * sums if is_signed and variant.flips else np.zeros_like(sums)


def ungrouped(weight: Bytes, taps: int, groups: int) -> Bytes:
    """`[taps, I, O]`: grouped weights become block-diagonal ones, which cost more but mean the same."""
    if groups == 1:
        return weight.reshape(taps, -1, weight.shape[1])
    inputs, outputs = weight.shape[1] // taps, weight.shape[2]
    full = np.zeros((taps, groups * inputs, groups * outputs), np.int8)
    for group, part in enumerate(weight):
        rows, columns = slice(group * inputs, (group + 1) * inputs), slice(group * outputs, (group + 1) * outputs)
        full[:, rows, columns] = part.reshape(taps, inputs, outputs)
    return full


def blocks_of(stride: int, vector_bytes: int) -> list[tuple[int, int]]:
    """The blocks of channels (first, how many) that a kernel goes by: the widest registers first.

    >>> blocks_of(112, 64)
    [(0, 64), (64, 32), (96, 16)]
    """
    blocks, first, width = [], 0, vector_bytes
    while first < stride:
        while first + width > stride:
            width //= 2
        blocks.append((first, width))
        first += width
    return blocks


def dealt_order(stride: int, vector_bytes: int) -> NDArray[np.intp]:
    """Which channel stands where once four rows of a block are dealt out by interleaving within 16 bytes.

    >>> dealt_order(32, 32)[:12].tolist()
    [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7]
    """
    order: list[int] = []
    for first, width in blocks_of(stride, vector_bytes):
        order += [first + 16 * quarter + 4 * vector + lane
                  for vector in range(4) for quarter in range(width // 16) for lane in range(4)]  # fmt: skip
    return np.array(order)


def _depthwise(full: Bytes, kernel: tuple[int, int], variant: Variant) -> Bytes:
    """`[taps, stride]` to `[block][four rows][column][channel as dealt][4]`."""
    stride = full.shape[1]
    fours = rounded_up(kernel[0], 4) // 4
    rows = np.zeros((fours * 4, kernel[1], stride), np.int8)
    rows[: kernel[0]] = full.reshape(*kernel, stride)
    grouped = rows.reshape(fours, 4, kernel[1], stride).transpose(0, 2, 3, 1)  # [four, column, channel, 4]
    order = dealt_order(stride, variant.vector_bytes)
    parts = [grouped[:, :, order[first : first + width]].reshape(-1)
             for first, width in blocks_of(stride, variant.vector_bytes)]  # fmt: skip
    return np.concatenate(parts)
