"""Vector code for the numba kernels, spelled out in LLVM's language: what the intrinsics beside this file are built of.

numba leaves it to LLVM to find vector code in scalar loops, which it does not for int8 dot products. So the inner
pieces are written on vectors of 16 lanes (`settling.py`, `dots.py`, `tiles.py`, `pixels.py`); what calls them is
ordinary numba. The vectors are generic: LLVM splits them for CPUs with shorter registers. Instructions that it would
not find are named, with a generic twin for CPUs that lack them.

Every argument of an intrinsic named `..._at` is an address (int64).
"""

# numba hands the code generators untyped contexts and builders
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, attr-defined"

from __future__ import annotations

import os

import llvmlite.binding
from llvmlite import ir
from numba.core import cgutils, config

LANES = 16
TILE_ROWS = 12  # output positions for which window addresses are laid out side by side

I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
F32 = ir.FloatType()
LEVELS, INTS, REALS = (ir.VectorType(kind, LANES) for kind in (I8, I32, F32))
BYTES = ir.VectorType(I8, 4 * LANES)


def target_features() -> dict[str, bool]:
    """The features of the target that numba compiles for, which its own variables may set apart from this CPU.

    An instruction that the target lacks must not be emitted at all: LLVM would abort the process.
    """
    if os.environ.get("VISTREAM_PORTABLE"):
        return {}
    if config.CPU_FEATURES is not None:
        return {name.lstrip("+-"): name.startswith("+") for name in config.CPU_FEATURES.split(",") if name}
    if config.CPU_NAME is not None:
        return {}  # what a CPU named by hand has is not known here
    return dict(llvmlite.binding.get_host_cpu_features())


FEATURES = target_features()
TILES = bool(FEATURES.get("amx-int8") and FEATURES.get("amx-tile"))
DOT_BITS = 512 if FEATURES.get("avx512vnni") else 256 if FEATURES.get("avxvnni") else 0
PACKS = bool(FEATURES.get("avx512bw"))


def load(builder, address, kind, offset=0):
    """A value of type `kind` at `address + offset`, aligned or not."""
    at = builder.add(address, ir.Constant(I64, offset)) if offset else address
    return builder.load(builder.inttoptr(at, ir.PointerType(kind)), align=1)


def store(builder, value, address, offset=0):
    at = builder.add(address, ir.Constant(I64, offset)) if offset else address
    builder.store(value, builder.inttoptr(at, ir.PointerType(value.type)), align=1)


def splat(builder, scalar, lanes=LANES):
    """A vector with `scalar` in every lane."""
    undefined = ir.Constant(ir.VectorType(scalar.type, lanes), ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(I32, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(I32, lanes), [0] * lanes))


def pick(builder, a, b, lanes):
    """A vector of the given lanes of `a` (0 to n - 1) and `b` (n on)."""
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, len(lanes)), lanes))


def constant(kind, value):
    return ir.Constant(kind, [value] * kind.count)


def call(builder, name, result, arguments):
    """Call an LLVM or CPU intrinsic by its name."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    return builder.call(function, arguments)


def variable(builder, value):
    """A place for a value that changes; LLVM keeps it in a register."""
    slot = cgutils.alloca_once(builder, value.type)
    builder.store(value, slot)
    return slot


def dot(builder, total, unsigned, signed):
    """`total[i] + sum of unsigned[4i + k] * signed[4i + k]` for k = 0..3: int32 x 16 from bytes x 64.

    VPDPBUSD does it without saturation where the CPU has it (AVX-512 VNNI or AVX-VNNI).
    """
    if DOT_BITS == 512:
        return call(builder, "llvm.x86.avx512.vpdpbusd.512", INTS, [total, unsigned, signed])
    if DOT_BITS == 256:
        halves = []
        for half in range(2):
            lanes, bytes_ = list(range(8 * half, 8 * half + 8)), list(range(32 * half, 32 * half + 32))
            parts = [pick(builder, v, v, at) for v, at in ((total, lanes), (unsigned, bytes_), (signed, bytes_))]
            halves.append(call(builder, "llvm.x86.avx512.vpdpbusd.256", parts[0].type, parts))
        return pick(builder, halves[0], halves[1], list(range(LANES)))
    wide = ir.VectorType(I32, 4 * LANES)
    products = builder.mul(builder.zext(unsigned, wide), builder.sext(signed, wide))
    for k in range(4):
        total = builder.add(total, pick(builder, products, products, list(range(k, 4 * LANES, 4))))
    return total
