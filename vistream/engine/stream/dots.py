"""Sums in vector code: tiles of a matrix product by int8 dot products, and depthwise convolutions."""

# numba hands the code generators untyped contexts and builders
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from vistream.engine.stream.settling import QUARTERS, pre_activation, settle_64
from vistream.engine.stream.vector import (
    BYTES,
    I32,
    I64,
    INTS,
    LANES,
    REALS,
    TILE_ROWS,
    constant,
    dot,
    load,
    pick,
    splat,
    store,
    variable,
)  # fmt: skip


def _make_dot_tile(rows: int, vectors: int):
    """A tile of a matrix product: `rows` output positions by `vectors` x 16 output channels, kept in registers."""

    @intrinsic
    def dot_tile(typing, rows_at, taps, quads, flip, weight_at, excess_at, totals_at):
        """totals[row][vector] = sum over taps and quads (4 channels) of input * weight, minus the excess.

        `rows_at`: table `[taps][TILE_ROWS]` of addresses of input rows; `flip` is xor-ed into 4 input bytes, which must
        then be unsigned, and `excess_at`, int32 `[vectors][16]`, is what that adds; `weight_at`:
        `[taps][quads][vectors][16][4]` int8; `totals_at`: int32 `[rows][vectors][16]`.
        """

        def generate(context, builder, signature, arguments):
            rows_at, taps, quads, flip, weight_at, excess_at, totals_at = arguments
            zero = ir.Constant(INTS, [0] * LANES)
            begin = [builder.sub(zero, load(builder, excess_at, INTS, 4 * LANES * v)) for v in range(vectors)]
            totals = [[variable(builder, begin[v]) for v in range(vectors)] for _ in range(rows)]
            weight = variable(builder, weight_at)
            flip = builder.trunc(flip, I32)
            with cgutils.for_range(builder, taps) as tap:
                table = builder.add(rows_at, builder.mul(tap.index, ir.Constant(I64, 8 * TILE_ROWS)))
                sources = [load(builder, table, I64, 8 * row) for row in range(rows)]
                with cgutils.for_range(builder, quads) as quad:
                    offset = builder.mul(quad.index, ir.Constant(I64, 4))
                    at = builder.load(weight)
                    weights = [load(builder, at, BYTES, 4 * LANES * v) for v in range(vectors)]
                    for row in range(rows):
                        four = builder.xor(load(builder, builder.add(sources[row], offset), I32), flip)
                        inputs = builder.bitcast(splat(builder, four), BYTES)
                        for v in range(vectors):
                            slot = totals[row][v]
                            builder.store(dot(builder, builder.load(slot), inputs, weights[v]), slot)
                    builder.store(builder.add(at, ir.Constant(I64, 4 * LANES * vectors)), weight)
            for row in range(rows):
                for v in range(vectors):
                    total = builder.load(totals[row][v])
                    store(builder, total, totals_at, 4 * LANES * (row * vectors + v))
            return context.get_dummy_value()

        return types.void(*[types.int64] * 7), generate

    return dot_tile


# As many rows as leave every running total in one of 32 registers.
dot_tile_1 = _make_dot_tile(12, 1)
dot_tile_2 = _make_dot_tile(12, 2)
dot_tile_3 = _make_dot_tile(6, 3)
dot_tile_4 = _make_dot_tile(6, 4)


def _interleave(builder, a, b, width):
    """The two halves of `a` and `b` dealt out alternately, `width` bytes at a time, within each quarter register."""
    kind = ir.VectorType(ir.IntType(8 * width), 4 * LANES // width)
    a, b, per_quarter = builder.bitcast(a, kind), builder.bitcast(b, kind), LANES // width
    dealt = []
    for half in range(2):
        lanes = [
            side * kind.count + quarter * per_quarter + half * per_quarter // 2 + k
            for quarter in range(4)
            for k in range(per_quarter // 2)
            for side in range(2)
        ]
        dealt.append(builder.bitcast(pick(builder, a, b, lanes), BYTES))
    return dealt


def _four_taps(builder, taps):
    """Four vectors of 64 channels to four vectors in which the four taps of a channel are neighbours.

    The channels then stand in the order of `settling.QUARTERS`.
    """
    low, high = _interleave(builder, taps[0], taps[1], 1), _interleave(builder, taps[2], taps[3], 1)
    return [*_interleave(builder, low[0], high[0], 2), *_interleave(builder, low[1], high[1], 2)]


def _depthwise_totals(builder, table_at, offset, fours, flip, weight_at, excess_at):
    """Four vectors of sums over `fours * 4` taps, their channels in the order of `settling.QUARTERS`."""
    zero = ir.Constant(INTS, [0] * LANES)
    totals = [variable(builder, builder.sub(zero, load(builder, excess_at, INTS, 4 * LANES * v))) for v in range(4)]
    with builder.if_else(builder.icmp_signed("!=", flip, ir.Constant(I64, 0))) as (signed, unsigned):
        for branch, flips in ((signed, constant(BYTES, 0x80)), (unsigned, None)):
            with branch, cgutils.for_range(builder, fours) as four:
                table = builder.add(table_at, builder.mul(four.index, ir.Constant(I64, 32)))
                at = [builder.add(load(builder, table, I64, 8 * tap), offset) for tap in range(4)]
                rows = [load(builder, row, BYTES) for row in at]
                inputs = _four_taps(builder, [builder.xor(row, flips) if flips else row for row in rows])
                weights = builder.add(weight_at, builder.mul(four.index, ir.Constant(I64, 16 * LANES)))
                for v in range(4):
                    weight = load(builder, weights, BYTES, 4 * LANES * v)
                    builder.store(dot(builder, builder.load(totals[v]), inputs[v], weight), totals[v])
    return [builder.load(total) for total in totals]


@intrinsic
def depthwise_block(typing, table_at, offset, fours, flip, weight_at, after_at, levels_at, lanes, lo, hi, hysteresis):
    """A depthwise convolution of 64 levels that lie side by side, and its settling; the mask of what changed, int64.

    `table_at`: `[fours * 4]` addresses of input rows, to each of which `offset` is added; `flip`: not 0 if levels are
    signed; `weight_at`: `[fours][4][16][4]` int8 and `after_at`: excess (int32), multiplier, bias (float32), each
    `[4][16]`, channels in the order of `settling.QUARTERS`; `lanes`: how many of the four runs of 16 levels to write.
    """

    def generate(context, builder, signature, arguments):
        table_at, offset, fours, flip, weight_at, after_at, levels_at, lanes, *limits = arguments
        totals = _depthwise_totals(builder, table_at, offset, fours, flip, weight_at, after_at)
        ys = []
        for v, total in enumerate(totals):
            multiplier, bias = (load(builder, after_at, REALS, 16 * LANES * part + 4 * LANES * v) for part in (1, 2))
            ys.append(pre_activation(builder, bias, total, multiplier))
        return settle_64(builder, ys, True, levels_at, limits, lanes)

    return types.int64(*[types.int64] * 8, types.float32, types.float32, types.int64), generate


@intrinsic
def depthwise_sums(typing, table_at, offset, fours, flip, weight_at, excess_at, totals_at):
    """The same sums alone, to `totals_at`, int32 `[64]`, channels in order: for neurons with other inputs too."""

    def generate(context, builder, signature, arguments):
        *sums, totals_at = arguments
        for v, total in enumerate(_depthwise_totals(builder, *sums)):
            for quarter in range(4):
                run = pick(builder, total, total, list(range(4 * quarter, 4 * quarter + 4)))
                store(builder, run, totals_at, 4 * QUARTERS[v][4 * quarter])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 7), generate
