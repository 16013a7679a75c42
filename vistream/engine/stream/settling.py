"""What follows a sum, in vector code: the formula of `quantize.formula`, the write-back, and which levels changed."""

# numba hands the code generators untyped contexts and builders
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from vistream.engine.stream.vector import (
    BYTES,
    F32,
    I8,
    I16,
    I64,
    INTS,
    LANES,
    LEVELS,
    PACKS,
    REALS,
    call,
    constant,
    load,
    pick,
    splat,
    store,
    variable,
)  # fmt: skip

# Where the saturating packs leave the levels of four vectors: within each quarter of a register. Sums whose vectors
# hold the channels in that order to begin with (`dots.depthwise_block`) come out right; others are put right after.
QUARTERS = [[16 * quarter + 4 * v + k for quarter in range(4) for k in range(4)] for v in range(4)]
IN_ORDER = [4 * (dword % 4) + dword // 4 for dword in range(LANES)]


def pre_activation(builder, start, total, multiplier):
    return builder.fadd(start, builder.fmul(builder.sitofp(total, REALS), multiplier))


def _clamp(builder, value, lo, hi):
    value = builder.select(builder.fcmp_ordered("<", value, lo), lo, value)
    return builder.select(builder.fcmp_ordered(">", value, hi), hi, value)


def _rounded(builder, ys, lo, hi):
    """`clip(floor(y + 1/2), lo, hi)` as int32, clipped first, which is the same for whole bounds."""
    los, his = splat(builder, lo), splat(builder, hi)
    slots = [variable(builder, _clamp(builder, builder.fadd(y, constant(REALS, 0.5)), los, his)) for y in ys]
    with builder.if_then(builder.fcmp_ordered("<", lo, ir.Constant(F32, 0.0))):  # else cutting off is rounding down
        for slot in slots:
            builder.store(call(builder, "llvm.floor.v16f32", REALS, [builder.load(slot)]), slot)
    return [builder.fptosi(builder.load(slot), INTS) for slot in slots]


def _pack(builder, levels, in_quarters):
    """Four vectors of int32 to 64 bytes."""
    if PACKS:
        words = ir.VectorType(I16, 2 * LANES)
        pairs = [call(builder, "llvm.x86.avx512.packssdw.512", words, levels[i : i + 2]) for i in (0, 2)]
        packed = call(builder, "llvm.x86.avx512.packsswb.512", BYTES, pairs)
        if in_quarters:
            return packed
        dwords = builder.bitcast(packed, INTS)
        return builder.bitcast(pick(builder, dwords, dwords, IN_ORDER), BYTES)
    halves = [pick(builder, levels[i], levels[i + 1], list(range(2 * LANES))) for i in (0, 2)]
    narrow = builder.trunc(pick(builder, halves[0], halves[1], list(range(4 * LANES))), BYTES)
    if not in_quarters:
        return narrow
    order = [0] * (4 * LANES)
    for v, channels in enumerate(QUARTERS):
        for lane, channel in enumerate(channels):
            order[channel] = LANES * v + lane
    return pick(builder, narrow, narrow, order)


def settle_64(builder, ys, in_quarters, levels_at, limits, lanes):
    """Settle 64 neighbouring channels; the mask of those that changed, i64.

    `ys`: four vectors of pre-activations, channels in order, or as `QUARTERS` says. `lanes`: how many of the four runs
    of 16 are to be written. `limits`: lo, hi, and the hysteresis.
    """
    lo, hi, hysteresis = limits
    held = load(builder, levels_at, BYTES)
    new = _pack(builder, _rounded(builder, ys, lo, hi), in_quarters)
    new, mask = _kept(builder, new, held, splat(builder, builder.trunc(hysteresis, I8), 4 * LANES))
    return _store_part(builder, new, mask, levels_at, lanes)


def _kept(builder, new, held, hysteresis):
    """With hysteresis, levels that moved by no more than that are kept; the levels, and the mask of those that changed.

    The distance of two levels fits into an unsigned byte.
    """
    larger = builder.icmp_signed(">", new, held)
    distance = builder.sub(builder.select(larger, new, held), builder.select(larger, held, new))
    changed = builder.icmp_unsigned(">", distance, hysteresis)
    return builder.select(changed, new, held), builder.bitcast(changed, ir.IntType(new.type.count))


def _store_part(builder, new, mask, levels_at, lanes):
    """Write the first `lanes` runs of 16 bytes and nothing beyond: what is there may be another thread's."""
    with builder.if_else(builder.icmp_signed(">=", lanes, ir.Constant(I64, 4))) as (whole, part):
        with whole:
            store(builder, new, levels_at)
        with part:
            for lane in range(3):
                with builder.if_then(builder.icmp_signed(">", lanes, ir.Constant(I64, lane))):
                    run = pick(builder, new, new, list(range(LANES * lane, LANES * lane + LANES)))
                    store(builder, run, levels_at, LANES * lane)
    beyond = builder.sub(ir.Constant(I64, 64), builder.mul(lanes, ir.Constant(I64, LANES)))
    beyond = builder.select(builder.icmp_signed("<", beyond, ir.Constant(I64, 0)), ir.Constant(I64, 0), beyond)
    return builder.and_(mask, builder.lshr(ir.Constant(I64, -1), beyond))


@intrinsic
def accumulate(typing, start_at, total_at, multiplier_at, y_at):
    """`y = start + total * multiplier` for 16 channels: one synapse of several."""

    def generate(context, builder, signature, arguments):
        start_at, total_at, multiplier_at, y_at = arguments
        start, total = load(builder, start_at, REALS), load(builder, total_at, INTS)
        store(builder, pre_activation(builder, start, total, load(builder, multiplier_at, REALS)), y_at)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 4), generate


def _make_settle(vectors: int):
    @intrinsic
    def settle(typing, start_at, identity_at, gain_at, total_at, multiplier_at, levels_at, lanes, lo, hi, hysteresis):
        """Settle channels of one output position, in `lanes` runs of 16; the mask of those that changed, int64.

        `y = start [+ identity * gain] + total * multiplier`; `identity_at` 0: none. `levels_at`: int8, held before and
        overwritten. `hysteresis`: whole levels.
        """

        def generate(context, builder, signature, arguments):
            start_at, identity_at, gain_at, total_at, multiplier_at, levels_at, lanes, *limits = arguments
            ys = [variable(builder, load(builder, start_at, REALS, 4 * LANES * v)) for v in range(vectors)]
            with builder.if_then(builder.icmp_signed("!=", identity_at, ir.Constant(I64, 0))):
                for v, y in enumerate(ys):
                    identity = builder.sext(load(builder, identity_at, LEVELS, LANES * v), INTS)
                    gain = load(builder, gain_at, REALS, 4 * LANES * v)
                    builder.store(pre_activation(builder, builder.load(y), identity, gain), y)
            sums = []
            for v, y in enumerate(ys):
                total, multiplier = (
                    load(builder, at, kind, 4 * LANES * v) for at, kind in ((total_at, INTS), (multiplier_at, REALS))
                )
                sums.append(pre_activation(builder, builder.load(y), total, multiplier))
            if vectors == 4:
                return settle_64(builder, sums, False, levels_at, limits, lanes)
            return _settle_16(builder, sums[0], levels_at, *limits)

        return types.int64(*[types.int64] * 7, types.float32, types.float32, types.int64), generate

    return settle


def _settle_16(builder, y, levels_at, lo, hi, hysteresis):
    new = builder.trunc(_rounded(builder, [y], lo, hi)[0], LEVELS)
    held = load(builder, levels_at, LEVELS)
    new, mask = _kept(builder, new, held, splat(builder, builder.trunc(hysteresis, I8)))
    store(builder, new, levels_at)
    return builder.zext(mask, I64)


settle_1 = _make_settle(1)
settle_4 = _make_settle(4)


@intrinsic
def ones(typing, mask):
    """How many bits of an int64 are set."""

    def generate(context, builder, signature, arguments):
        return call(builder, "llvm.ctpop.i64", I64, [arguments[0]])

    return types.int64(types.int64), generate


@intrinsic
def max_64(typing, table_at, taps, offset, levels_at, lanes):
    """The largest of each of 64 levels over `taps` rows, at least -128; the mask of what changed, int64.

    `table_at`: addresses of the rows, to each of which `offset` is added; `lanes`: how many runs of 16 are written.
    """

    def generate(context, builder, signature, arguments):
        table_at, taps, offset, levels_at, lanes = arguments
        largest = variable(builder, constant(BYTES, -128))
        with cgutils.for_range(builder, taps) as tap:
            row_at = load(builder, builder.add(table_at, builder.mul(tap.index, ir.Constant(I64, 8))), I64)
            row, held = load(builder, builder.add(row_at, offset), BYTES), builder.load(largest)
            builder.store(builder.select(builder.icmp_signed(">", row, held), row, held), largest)
        new = builder.load(largest)
        changed = builder.icmp_signed("!=", new, load(builder, levels_at, BYTES))
        return _store_part(builder, new, builder.bitcast(changed, I64), levels_at, lanes)

    return types.int64(*[types.int64] * 5), generate
