"""Memory by address, for the numba kernels: numba counts references to arrays, which would cost more than their use.

A job is a vector of int64 in which a kernel finds all it needs; its words are named here, and so are those of a
workspace, of which every thread has its own.
"""

# what numba compiles has no Python types, and it hands the code generators untyped contexts and builders
# mypy: ignore-errors

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import carray, cfunc, njit, types
from numba.extending import intrinsic

from vistream.engine.stream.vector import BYTES, F32, FEATURES, I8, I32, I64, LEVELS, call, load, splat, store

# Words of a job. Those that end in _AT are addresses, 0 for none. NEXT_AT: of the job that goes on with the same
# positions, whose sums start from what this one leaves PENDING; RESUMES says that it is such a one.
(KERNEL_AT, INDEX_AT, SOURCE_AT, WEIGHT_AT, BESIDE_AT, MULTIPLIER_AT, START_AT, RESUMES, IDENTITY_AT, GAIN_AT, OUT_AT,
 CHANGED_AT, NEXT_AT, LIMITS_AT, HYSTERESIS, GEOMETRY) = range(16)  # fmt: skip
GEOMETRY_WORDS = 16
JOB_WORDS = GEOMETRY + GEOMETRY_WORDS
TABLE_AT, GATHERED_AT, TOTALS_AT, PENDING_AT, WORKSPACE_WORDS = range(5)


def kernel(function):
    """Compile a kernel: `(job_at, begin, end, workspace_at)`, all int64, to int64.

    It is called by its address, so that it is compiled once, not once more into everything that calls it.
    """
    return cfunc(types.int64(*[types.int64] * 4), nogil=True, cache=True)(function)


@intrinsic
def call_kernel(typing, at, job_at, begin, end, workspace_at):
    """What the kernel at an address returns."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(I64, [I64] * 4)
        return builder.call(builder.inttoptr(arguments[0], ir.PointerType(kind)), arguments[1:])

    return types.int64(*[types.int64] * 5), generate


@intrinsic
def _pointer(typing, at):
    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(types.CPointer(types.int64)))

    return types.CPointer(types.int64)(types.int64), generate


@njit(inline="always")
def words_at(at, count):
    """The int64 words at an address, as an array."""
    return carray(_pointer(at), count)


def _make_read(kind, numba_type, widen=False):
    @intrinsic
    def read(typing, at):
        """The number at an address."""

        def generate(context, builder, signature, arguments):
            value = load(builder, arguments[0], kind)
            return builder.sext(value, I64) if widen else value

        return numba_type(types.int64), generate

    return read


def _make_write(kind, numba_type):
    @intrinsic
    def write(typing, at, value):
        """Put a number at an address."""

        def generate(context, builder, signature, arguments):
            at, value = arguments
            store(builder, value if kind in (I64, F32) else builder.trunc(value, kind), at)
            return context.get_dummy_value()

        return types.void(types.int64, numba_type), generate

    return write


read_word = _make_read(I64, types.int64)
read_real = _make_read(F32, types.float32)
read_int = _make_read(I32, types.int64, widen=True)
read_level = _make_read(I8, types.int64, widen=True)
write_word = _make_write(I64, types.int64)
write_int = _make_write(I32, types.int64)
write_level = _make_write(I8, types.int64)


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


@intrinsic
def write_places(typing, marks, first, to):
    """Of eight marks, the bytes 0 or 1 of a word, write the place of each 1, counted from `first`; how many there are.

    Up to eight words from `to` on may be overwritten.
    """

    def generate(context, builder, signature, arguments):
        marks, first, to = arguments
        eight = builder.bitcast(marks, ir.VectorType(I8, 8))
        chosen = builder.icmp_unsigned("!=", eight, ir.Constant(eight.type, [0] * 8))
        words = ir.VectorType(I64, 8)
        places = builder.add(splat(builder, first, 8), ir.Constant(words, list(range(8))))
        pointer = builder.inttoptr(to, ir.PointerType(I64))
        call(builder, "llvm.masked.compressstore.v8i64", ir.VoidType(), [places, pointer, chosen])
        mask = builder.bitcast(chosen, I8)
        return builder.zext(call(builder, "llvm.ctpop.i8", I8, [mask]), I64)

    return types.int64(types.int64, types.int64, types.int64), generate


@njit(inline="always")
def address_of(array):
    """Where an array's memory begins; signed, since numba makes a float of the sum of a signed and an unsigned."""
    return np.int64(array.ctypes.data)


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


def _word_pointer(builder, at):
    return builder.inttoptr(at, ir.PointerType(I64))


@intrinsic
def atomic_read(typing, at):
    """The word at an address, as the other threads left it."""

    def generate(context, builder, signature, arguments):
        return builder.load_atomic(_word_pointer(builder, arguments[0]), "seq_cst", 8)

    return types.int64(types.int64), generate


@intrinsic
def atomic_write(typing, at, value):
    """Put a word at an address, after everything that was written before."""

    def generate(context, builder, signature, arguments):
        builder.store_atomic(arguments[1], _word_pointer(builder, arguments[0]), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def atomic_add(typing, at, value):
    """Add to the word at an address."""

    def generate(context, builder, signature, arguments):
        builder.atomic_rmw("add", _word_pointer(builder, arguments[0]), arguments[1], "seq_cst")
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def atomic_replace(typing, at, old, new):
    """Put `new` where `old` is; 1 if it was there, else 0 and nothing happens."""

    def generate(context, builder, signature, arguments):
        at, old, new = arguments
        outcome = builder.cmpxchg(_word_pointer(builder, at), old, new, "seq_cst", "seq_cst")
        return builder.zext(builder.extract_value(outcome, 1), I64)

    return types.int64(types.int64, types.int64, types.int64), generate


@intrinsic
def pause(typing):
    """Wait for some tens of cycles, kindly to whatever else runs on this core."""

    def generate(context, builder, signature, arguments):
        if "sse2" in FEATURES:
            call(builder, "llvm.x86.sse2.pause", ir.VoidType(), [])
        return context.get_dummy_value()

    return types.void(), generate
