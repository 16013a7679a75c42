"""Which pixels moved: one pass over the frame and the levels held, 16 pixels at a time."""

# what numba compiles has no Python types, and it hands the code generators untyped contexts and builders
# mypy: ignore-errors

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from vistream.engine.stream.raw import (
    CHANGED_AT,
    GEOMETRY,
    JOB_WORDS,
    OUT_AT,
    SOURCE_AT,
    kernel,
    read_level,
    words_at,
    write_level,
)  # fmt: skip
from vistream.engine.stream.settling import ones
from vistream.engine.stream.vector import BYTES, I8, I16, I64, INTS, LANES, LEVELS, constant, load, pick, splat, store

RUN = LANES
ZERO_OF_INPUT = 0x80  # the level of a pixel is the pixel minus 128


@intrinsic
def read_run(typing, frame_at, levels_at, marks_at, deadband):
    """Take over those of 16 pixels that moved by more than `deadband`; the mask of them.

    `frame_at`: uint8 `[16][3]`; `levels_at`: int8 `[16][4]`, the level held of each channel, and 0; `marks_at`: uint8
    `[16]`, written.
    """

    def generate(context, builder, signature, arguments):
        frame_at, levels_at, marks_at, deadband = arguments
        packed = load(builder, frame_at, ir.VectorType(I8, 3 * RUN))
        lanes = [3 * (i // 4) + i % 4 if i % 4 < 3 else 3 * RUN for i in range(4 * RUN)]
        new = pick(builder, packed, ir.Constant(packed.type, [0] * (3 * RUN)), lanes)
        signs = ir.Constant(BYTES, [ZERO_OF_INPUT if i % 4 < 3 else 0 for i in range(4 * RUN)])
        held = load(builder, levels_at, BYTES)
        old = builder.xor(held, signs)
        larger = builder.icmp_unsigned(">", new, old)
        distance = builder.sub(builder.select(larger, new, old), builder.select(larger, old, new))
        over = builder.icmp_unsigned(">", distance, splat(builder, builder.trunc(deadband, I8), 4 * RUN))
        pixels = builder.bitcast(builder.sext(over, BYTES), INTS)
        moved = builder.icmp_signed("!=", pixels, constant(INTS, 0))
        mask = builder.zext(builder.bitcast(moved, I16), I64)
        store(builder, builder.zext(moved, LEVELS), marks_at)
        with builder.if_then(builder.icmp_signed("!=", mask, ir.Constant(I64, 0))):
            fresh = builder.bitcast(builder.xor(new, signs), INTS)
            store(builder, builder.select(moved, fresh, builder.bitcast(held, INTS)), levels_at)
        return mask

    return types.int64(*[types.int64] * 4), generate


@kernel
def read_pixels(job_at, begin, end, workspace_at):
    """Take over pixels `begin`..`end` where they moved by more than the dead-band; returns how many did.

    `source`: uint8 `[H * W][3]`; `out`: levels `[H * W + 1][4]`; `changed` is written; the dead-band is the geometry's
    first word.
    """
    job = words_at(job_at, JOB_WORDS)
    deadband = job[GEOMETRY]
    moved = 0
    whole = begin + (end - begin) // RUN * RUN
    for pixel in range(begin, whole, RUN):
        frame_at, levels_at, marks_at = job[SOURCE_AT] + 3 * pixel, job[OUT_AT] + 4 * pixel, job[CHANGED_AT] + pixel
        mask = read_run(frame_at, levels_at, marks_at, deadband)
        if mask:
            moved += ones(mask)
    for pixel in range(whole, end):
        frame_at, levels_at = job[SOURCE_AT] + 3 * pixel, job[OUT_AT] + 4 * pixel
        over = False
        for c in range(3):
            over |= abs(((read_level(frame_at + c) & 255) - 128) - read_level(levels_at + c)) > deadband
        write_level(job[CHANGED_AT] + pixel, over)
        if over:
            moved += 1
            for c in range(3):
                write_level(levels_at + c, (read_level(frame_at + c) & 255) - 128)
    return moved
