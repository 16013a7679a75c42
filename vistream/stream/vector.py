"""Vector instructions for the numba kernels, written as LLVM code: dot products of int8 and the requantisation.

numba leaves it to LLVM to find vector code in scalar loops, which it does not for int8 dot products. So the three inner
pieces are spelled out here on vectors of 16 lanes; what calls them is ordinary numba (`numba_kernels.py`). The vectors
are generic: LLVM splits them for CPUs with shorter registers. One instruction is named: VPDPBUSD (AVX-512 VNNI or
AVX-VNNI), which multiplies unsigned by signed bytes and adds four neighbours into 32 bits without saturation; elsewhere
the same is put together from 32-bit products.

Every argument named `..._at` is an address (int64).
"""

# numba hands the code generators untyped contexts and builders
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc"

from __future__ import annotations

import os

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16
TILE_ROWS = 12  # output positions for which window addresses are laid out side by side

_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_F32 = ir.FloatType()
_LEVELS, _INTS, _REALS = (ir.VectorType(kind, LANES) for kind in (_I8, _I32, _F32))
_QUADS = ir.VectorType(_I8, 4 * LANES)

_FEATURES = {} if os.environ.get("VISTREAM_PORTABLE") else llvmlite.binding.get_host_cpu_features()
DOT_BITS = 512 if _FEATURES.get("avx512vnni") else 256 if _FEATURES.get("avxvnni") else 0


def _load(builder, address, kind, offset=0):
    at = builder.add(address, ir.Constant(_I64, offset)) if offset else address
    return builder.load(builder.inttoptr(at, ir.PointerType(kind)), align=1)


def _store(builder, value, address, offset=0):
    at = builder.add(address, ir.Constant(_I64, offset)) if offset else address
    builder.store(value, builder.inttoptr(at, ir.PointerType(value.type)), align=1)


def _splat(builder, scalar, lanes=LANES):
    undefined = ir.Constant(ir.VectorType(scalar.type, lanes), ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(_I32, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_I32, lanes), [0] * lanes))


def _pick(builder, a, b, lanes):
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, len(lanes)), lanes))


def _call(builder, name, result, arguments):
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    return builder.call(function, arguments)


def _variable(builder, value):
    slot = cgutils.alloca_once(builder, value.type)
    builder.store(value, slot)
    return slot


def _dot(builder, total, unsigned, signed):
    """`total[i] + sum of unsigned[4i + k] * signed[4i + k]` for k = 0..3: int32 x 16 from bytes x 64."""
    if DOT_BITS == 512:
        return _call(builder, "llvm.x86.avx512.vpdpbusd.512", _INTS, [total, unsigned, signed])
    if DOT_BITS == 256:
        halves = []
        for half in range(2):
            lanes, bytes_ = list(range(8 * half, 8 * half + 8)), list(range(32 * half, 32 * half + 32))
            parts = [_pick(builder, v, v, at) for v, at in ((total, lanes), (unsigned, bytes_), (signed, bytes_))]
            halves.append(_call(builder, "llvm.x86.avx512.vpdpbusd.256", parts[0].type, parts))
        return _pick(builder, halves[0], halves[1], list(range(LANES)))
    wide = ir.VectorType(_I32, 4 * LANES)
    products = builder.mul(builder.zext(unsigned, wide), builder.sext(signed, wide))
    for k in range(4):
        total = builder.add(total, _pick(builder, products, products, list(range(k, 4 * LANES, 4))))
    return total


def _make_dot_tile(rows: int, vectors: int):
    """A tile of a matrix product: `rows` output positions by `vectors` x 16 output channels, kept in registers."""

    @intrinsic
    def dot_tile(typing, rows_at, taps, quads, flip, weight_at, totals_at):
        """totals[row][vector] = sum over taps and quads (4 channels) of input * weight.

        `rows_at`: table `[taps][TILE_ROWS]` of addresses of input rows; `flip` is xor-ed into 4 input bytes, which must
        then be unsigned; `weight_at`: `[taps][quads][vectors][16][4]` int8; `totals_at`: int32 `[rows][vectors][16]`.
        """

        def generate(context, builder, signature, arguments):
            rows_at, taps, quads, flip, weight_at, totals_at = arguments
            zero = ir.Constant(_INTS, [0] * LANES)
            totals = [[_variable(builder, zero) for _ in range(vectors)] for _ in range(rows)]
            weight = _variable(builder, weight_at)
            flip = builder.trunc(flip, _I32)
            with cgutils.for_range(builder, taps) as tap:
                table = builder.add(rows_at, builder.mul(tap.index, ir.Constant(_I64, 8 * TILE_ROWS)))
                sources = [_load(builder, table, _I64, 8 * row) for row in range(rows)]
                with cgutils.for_range(builder, quads) as quad:
                    offset = builder.mul(quad.index, ir.Constant(_I64, 4))
                    at = builder.load(weight)
                    weights = [_load(builder, at, _QUADS, 4 * LANES * v) for v in range(vectors)]
                    for row in range(rows):
                        four = builder.xor(_load(builder, builder.add(sources[row], offset), _I32), flip)
                        inputs = builder.bitcast(_splat(builder, four), _QUADS)
                        for v in range(vectors):
                            slot = totals[row][v]
                            builder.store(_dot(builder, builder.load(slot), inputs, weights[v]), slot)
                    builder.store(builder.add(at, ir.Constant(_I64, 4 * LANES * vectors)), weight)
            for row in range(rows):
                for v in range(vectors):
                    total = builder.load(totals[row][v])
                    _store(builder, total, totals_at, 4 * LANES * (row * vectors + v))
            return context.get_dummy_value()

        return types.void(*[types.int64] * 6), generate

    return dot_tile


# As many rows as leave every running total in one of 32 registers.
dot_tile_1 = _make_dot_tile(12, 1)
dot_tile_2 = _make_dot_tile(12, 2)
dot_tile_3 = _make_dot_tile(6, 3)
dot_tile_4 = _make_dot_tile(6, 4)


@intrinsic
def dot_depthwise(typing, rows_at, offset, fours, flip, weight_at, totals_at):
    """totals[channel] = sum over taps of input * weight, for 16 channels of one output position.

    `rows_at`: table `[fours * 4]` of addresses of input rows, to each of which `offset` is added; `flip` as above;
    `weight_at`: `[fours][16][4]` int8; `totals_at`: int32 `[16]`.
    """

    def generate(context, builder, signature, arguments):
        rows_at, offset, fours, flip, weight_at, totals_at = arguments
        total = _variable(builder, ir.Constant(_INTS, [0] * LANES))
        flips = builder.bitcast(_splat(builder, builder.trunc(flip, _I32)), _QUADS)
        with cgutils.for_range(builder, fours) as four:
            table = builder.add(rows_at, builder.mul(four.index, ir.Constant(_I64, 32)))
            taps = [
                _load(builder, builder.add(_load(builder, table, _I64, 8 * tap), offset), _LEVELS) for tap in range(4)
            ]
            side_by_side = list(range(2 * LANES))
            pairs = [_pick(builder, taps[i], taps[i + 1], side_by_side) for i in (0, 2)]
            interleaved = [tap * LANES + lane for lane in range(LANES) for tap in range(4)]
            inputs = builder.xor(_pick(builder, pairs[0], pairs[1], interleaved), flips)
            at = builder.add(weight_at, builder.mul(four.index, ir.Constant(_I64, 4 * LANES)))
            builder.store(_dot(builder, builder.load(total), inputs, _load(builder, at, _QUADS)), total)
        _store(builder, builder.load(total), totals_at)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 6), generate


def _pre_activation(builder, start, total, excess, multiplier):
    charge = builder.sitofp(builder.sub(total, excess), _REALS)
    return builder.fadd(start, builder.fmul(charge, multiplier))


def _clamp(builder, value, lo, hi):
    value = builder.select(builder.fcmp_ordered("<", value, lo), lo, value)
    return builder.select(builder.fcmp_ordered(">", value, hi), hi, value)


@intrinsic
def accumulate(typing, start_at, total_at, excess_at, multiplier_at, y_at):
    """`y = start + (total - excess) * multiplier` for 16 channels: one synapse of several."""

    def generate(context, builder, signature, arguments):
        start, total, excess, multiplier = (
            _load(builder, at, kind) for at, kind in zip(arguments, (_REALS, _INTS, _INTS, _REALS), strict=False)
        )
        _store(builder, _pre_activation(builder, start, total, excess, multiplier), arguments[4])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5), generate


@intrinsic
def settle(typing, start_at, identity_at, gain_at, total_at, excess_at, multiplier_at, levels_at, lo, hi, band):
    """The formula of `quantize.formula` for 16 channels; returns how many of the levels changed.

    `y = start [+ identity * gain] + (total - excess) * multiplier`; `identity_at` 0: none. `levels_at`: int8 `[16]`,
    held before and overwritten. `band`: 1/2 + hysteresis, or 0 for none.
    """

    def generate(context, builder, signature, arguments):
        start_at, identity_at, gain_at, total_at, excess_at, multiplier_at, levels_at, lo, hi, band = arguments
        y = _variable(builder, _load(builder, start_at, _REALS))
        with builder.if_then(builder.icmp_signed("!=", identity_at, ir.Constant(_I64, 0))):
            identity = builder.sext(_load(builder, identity_at, _LEVELS), _INTS)
            none = ir.Constant(_INTS, [0] * LANES)
            gain = _load(builder, gain_at, _REALS)
            builder.store(_pre_activation(builder, builder.load(y), identity, none, gain), y)
        total, excess = _load(builder, total_at, _INTS), _load(builder, excess_at, _INTS)
        y = _pre_activation(builder, builder.load(y), total, excess, _load(builder, multiplier_at, _REALS))
        lo, hi = _splat(builder, lo), _splat(builder, hi)
        rounded = builder.fadd(y, ir.Constant(_REALS, [0.5] * LANES))
        level = _clamp(builder, _call(builder, "llvm.floor.v16f32", _REALS, [rounded]), lo, hi)
        level = _variable(builder, level)
        held = _load(builder, levels_at, _LEVELS)
        with builder.if_then(builder.fcmp_ordered(">", band, ir.Constant(_F32, 0.0))):
            before = builder.sitofp(builder.sext(held, _INTS), _REALS)
            away = builder.fsub(_clamp(builder, y, lo, hi), before)
            bands = _splat(builder, band)
            near = builder.and_(
                builder.fcmp_ordered(">=", away, builder.fneg(bands)), builder.fcmp_ordered("<", away, bands)
            )
            builder.store(builder.select(near, before, builder.load(level)), level)
        settled = builder.trunc(builder.fptosi(builder.load(level), _INTS), _LEVELS)
        _store(builder, settled, levels_at)
        changed = builder.bitcast(builder.icmp_signed("!=", settled, held), _I16)
        return builder.zext(_call(builder, "llvm.ctpop.i16", _I16, [changed]), _I64)

    return types.int64(*[types.int64] * 7, *[types.float32] * 3), generate
