"""How the kernels want the constants of a layer laid out: weights in registers' order, vectors by channel padded."""

from __future__ import annotations

import mmap
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.engine.stream.blocks import UNIT, blocks_of, dealt_order
from vistream.engine.stream.pairs import Rests, cut
from vistream.engine.stream.plan import SynapsePlan
from vistream.kernels.library import Variant
from vistream.kernels.structs import SIGNS_OF_WEIGHTS

Bytes = NDArray[np.int8]
Ints = NDArray[np.int32]
Reals = NDArray[np.float32]

LINE = 64  # bytes of a cache line, and of a row of a tile register
PAGE = 1 << 21  # bytes of a large page
LEAST = -128  # a level or a weight whose sign cannot be changed
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
    """The constants of one term, as job.h describes them; `quads` is 0 where it has no matrix product. `is_signed`: of
    its source. `rests`: where the kernels take quads in pairs."""

    depthwise: bool
    weight: Bytes
    begin: Ints
    multiplier: Reals
    quads: int
    is_signed: int
    rests: Rests | None = None


def filled(vector: NDArray[Any], stride: int) -> NDArray[Any]:
    """A vector by channel, with zeros for the channels beyond."""
    return aligned(np.pad(vector, (0, stride - len(vector))))


@dataclass(frozen=True, slots=True)
class Rows:
    """The source of a convolution: its channels, the bytes of a row of them, and which levels they may have."""

    channels: int
    bytes: int
    lowest: int
    highest: int

    @property
    def signed(self) -> bool:
        return self.lowest < 0


def pack(
    synapse: SynapsePlan, rows: Rows, stride: int, bias: Reals, variant: Variant, *, lasting: bool = True
) -> Packed:
    """Lay a convolution out. `stride`, `bias`: of its output. `lasting`: its weights stay as they are."""
    assert synapse.weight is not None
    offset = np.zeros(stride, np.int32)
    if synapse.offset is not None:
        offset[: len(synapse.offset)] = synapse.offset.numpy()
    multiplier = np.pad(synapse.multiplier.numpy(), (0, stride - len(synapse.multiplier))).astype(np.float32)
    signs = _signs(synapse.weight.numpy(), rows, variant)
    if synapse.depthwise and rows.bytes == stride and signs is not None:
        return _pack_depthwise(synapse, rows, stride, offset, multiplier, bias, variant, signs)
    return _pack_dense(synapse, rows, stride, offset, multiplier, variant, signs, lasting)


def _signs(weight: Bytes, rows: Rows, variant: Variant) -> int | None:
    """`is_signed` of a term; None where signs can be moved neither to its weights nor to its levels: some of both have
    one that cannot be changed."""
    if not (variant.pairs and rows.signed and int(weight.min()) == LEAST):
        return int(rows.signed)
    return SIGNS_OF_WEIGHTS if rows.lowest > LEAST else None


def _pack_depthwise(
    synapse: SynapsePlan,
    rows: Rows,
    stride: int,
    offset: Ints,
    multiplier: Reals,
    bias: Reals,
    variant: Variant,
    signs: int,
) -> Packed:
    assert synapse.weight is not None and synapse.place is not None
    weight: Bytes = synapse.weight.numpy()
    full = np.pad(weight, ((0, 0), (0, stride - weight.shape[1])))
    begin = offset - _shift(rows, variant) * full.sum(0, dtype=np.int32)
    order = dealt_order(stride, variant.vector_bytes)
    together = np.concatenate([multiplier, multiplier[order], bias[:stride][order]])
    dealt = aligned(_depthwise(full, synapse.place.window.kernel, variant))
    return Packed(True, dealt, aligned(begin[order]), aligned(together), 0, signs)


def _pack_dense(
    synapse: SynapsePlan,
    rows: Rows,
    stride: int,
    offset: Ints,
    multiplier: Reals,
    variant: Variant,
    signs: int | None,
    lasting: bool,
) -> Packed:
    assert synapse.weight is not None and synapse.place is not None
    kernel = synapse.place.window.kernel
    weight: NDArray[Any] = synapse.weight.numpy()
    dense = weight.T[:, :, None] if synapse.depthwise else weight
    block = ungrouped(dense, kernel[0] * kernel[1], synapse.groups)
    inner = rows.bytes if variant.tiles else rounded_up(rows.channels, 4)
    full = np.zeros((len(block), inner, stride), np.int8)
    full[:, : block.shape[1], : block.shape[2]] = block
    shift = 0 if variant.tiles else _shift(rows, variant)  # tile registers take signed levels as they are
    kept, rests = full, None
    if variant.pairs and lasting:
        paired = cut(full, kernel, rows.lowest, rows.highest, variant.vector_bytes, anyhow=signs is None)
        if paired is not None:
            kept, rests = paired
    begin = aligned(offset - (rests.shift if rests else shift) * full.sum((0, 1), dtype=np.int32))
    units = _units(kept, variant)
    quads = units.shape[1] if variant.tiles else inner // 4
    return Packed(False, aligned(units), begin, aligned(multiplier), quads, signs or 0, rests)


def _shift(rows: Rows, variant: Variant) -> int:
    """What dot products add to each level to make it unsigned."""
    return 128 if rows.signed and variant.flips else 0


def _units(weight: Bytes, variant: Variant) -> Bytes:
    """`[taps, inputs, O]` to `[unit of channels][taps * inputs / 4][channel][4]`."""
    stride = weight.shape[2]
    wide = weight.reshape(-1, stride)
    if variant.tiles:
        wide = np.pad(wide, ((0, -len(wide) % LINE), (0, 0)))
    return wide.reshape(-1, 4, stride // UNIT, UNIT).transpose(2, 0, 3, 1)


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
