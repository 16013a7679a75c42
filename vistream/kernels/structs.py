"""The structs of `src/job.h`, field by field, and the proof that a library means the same by them."""

from __future__ import annotations

import ctypes
from typing import Any

Pointer = ctypes.c_void_p
Int32, Int64 = ctypes.c_int32, ctypes.c_int64
Fields = list[tuple[str, Any]]


def _each(kind: Any, names: str) -> Fields:
    return [(name, kind) for name in names.split()]


class Window(ctypes.Structure):
    """How a window lies over a source of `height` x `width` and gives an output of `rows` x `columns`."""

    _fields_ = _each(
        Int32, "height width rows columns kernel_h kernel_w stride_h stride_w dilation_h dilation_w top left"
    )


class Events(ctypes.Structure):
    """What a convolution keeps so that only levels that changed are added to its sums."""

    _fields_ = [
        *_each(Pointer, "sums valid seen weight"), *_each(Int64, "inner inputs segments"),
        *_each(Pointer, "channels deltas counts"), *_each(Int64, "follows adds"),
    ]  # fmt: skip


class Pairs(ctypes.Structure):
    """What a convolution needs to add the products of two quads in 16 bits."""

    _fields_ = [("shift", Int64), *_each(Pointer, "first place rest")]


class Term(ctypes.Structure):
    """One term of a neuron's sum, or the source of a pool or a copy."""

    _fields_ = [
        ("kind", Int64), ("source", Pointer), ("row_bytes", Int64), ("changed", Pointer), ("map", Pointer),
        ("weight", Pointer), ("is_signed", Int64), ("begin", Pointer), ("multiplier", Pointer),
        *_each(Int64, "quads channels first_channel"), ("moved", Pointer), ("everywhere", Int64), ("summed", Pointer),
        *_each(Int64, "summed_rows summed_stride"), *_each(Pointer, "events pairs"), ("window", Window),
    ]  # fmt: skip


class Layer(ctypes.Structure):
    """One operation: what Python sets once, what it sets for a call, and what the kernels give back."""

    _fields_ = [
        ("kind", Int64), ("terms", Pointer), ("count", Int64), ("bias", Pointer), *_each(Int64, "lo hi zero"),
        ("table", Pointer), *_each(Int64, "half_even bound"), *_each(Pointer, "sums real levels"),
        *_each(Int64, "stride area"), *_each(Pointer, "changed reached stale index needed"),
        *_each(Int64, "hysteresis cost taken changes may_be_stale touched"),
    ]  # fmt: skip


class Workspace(ctypes.Structure):
    """What a thread needs for itself."""

    _fields_ = _each(Pointer, "gathered sums pending marks")


class Deformable(ctypes.Structure):
    """A window whose taps are moved, see `vistream_deformable`."""

    _fields_ = _each(
        Int64, "height width channels columns groups kernel_h kernel_w stride_h stride_w dilation_h dilation_w top left"
    )


class Past(ctypes.Structure):
    """A past frame in which cells look for their like, see `vistream_similar`."""

    _fields_ = [("vectors", Pointer), *_each(Int64, "rows columns quads stride radius base")]


class Kernels(ctypes.Structure):
    """The beginning of what describes a variant; functions follow that only the library calls."""

    _fields_ = [("name", ctypes.c_char_p), *_each(Int32, "vector_bytes tiles flips pairs")]


class _Field(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("offset", Int64), ("size", Int64)]


class TermKind:
    """`TermKind` of job.h."""

    CONVOLVE, DEPTHWISE, IDENTITY, SUMS, REALS = range(5)


SIGNS_OF_WEIGHTS = 2
"""Of job.h: a term's levels may be negative, none is -128, and a weight is."""


class LayerKind:
    """`LayerKind` of job.h; what no kernel computes has none."""

    NEURON, MAX_POOL, COPY, BLEND, PRODUCT, TRANSPOSED = range(6)


PIECE, SEGMENT = 48, 256  # of job.h: positions in a chain; inputs whose changes are listed together
BEYOND = 32  # of job.h: cells behind the row of a past frame that may be read
GROUP, PANEL = 32, 256  # of job.h: positions and channels of the tile registers


def check_structs(library: ctypes.CDLL) -> None:
    """Raise RuntimeError where the library means something else by a struct."""
    for struct in (Window, Events, Pairs, Term, Layer, Workspace, Deformable, Past):
        fields, size = ctypes.POINTER(_Field)(), Int64()
        count = library.vistream_fields(struct.__name__.encode(), ctypes.byref(fields), ctypes.byref(size))
        theirs = [(fields[i].name.decode(), fields[i].offset, fields[i].size) for i in range(count)]
        named = [name for name, *_ in struct._fields_]
        ours = [(name, getattr(struct, name).offset, getattr(struct, name).size) for name in named]
        if ours != theirs or ctypes.sizeof(struct) != size.value:
            raise RuntimeError(f"the kernels' library has another {struct.__name__} than this program")
