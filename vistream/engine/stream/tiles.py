"""Matrix products by the CPU's tile registers (AMX): int8 x int8 to int32, exact, 16 x 16 x 64 at a time.

The system has to allow a process their use. Where it does not, or they are missing, `dots.py` does the same sums.
"""

# numba hands the code generators untyped contexts and builders
# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc"

from __future__ import annotations

import ctypes
import functools
import os
import platform

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from vistream.engine.stream.vector import I8, I64, TILES, call

ROWS = 16  # of a tile; its rows are 64 bytes
GROUP = 2 * ROWS  # output positions that are worked on together
ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA = 158, 0x1023, 18  # of Linux on x86-64


@functools.cache
def tiles_allowed() -> bool:
    """Whether this CPU has int8 tiles and the system lets this process use them; asks for that on the first call."""
    if (
        not TILES
        or os.environ.get("VISTREAM_NO_TILES")
        or platform.system() != "Linux"
        or platform.machine() != "x86_64"
    ):
        return False
    try:
        return bool(ctypes.CDLL(None).syscall(ARCH_PRCTL, REQUEST_PERMISSION, TILE_DATA) == 0)
    except (AttributeError, OSError):
        return False


def tile_shapes() -> NDArray[np.uint8]:
    """What `tile_begin` takes: all eight registers at their full 16 rows of 64 bytes."""
    shapes = np.zeros(64, np.uint8)
    shapes[0] = 1
    shapes[16:32:2] = 64
    shapes[48:56] = ROWS
    return shapes


def _address(builder, at, offset=0):
    return builder.inttoptr(builder.add(at, ir.Constant(I64, offset)), ir.PointerType(I8))


def _tile(builder, name, *arguments):
    """One tile instruction; nothing where the target has none, and `tiles_allowed` keeps such code from being run."""
    if not TILES:
        return None
    return call(builder, f"llvm.x86.{name}", ir.VoidType(), [_register(a) for a in arguments])


def _register(argument):
    return ir.Constant(I8, argument) if isinstance(argument, int) else argument


@intrinsic
def tile_begin(typing, shapes_at):
    """Make the tile registers ready on this thread."""

    def generate(context, builder, signature, arguments):
        _tile(builder, "ldtilecfg", _address(builder, arguments[0]))
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def tile_end(typing):
    """Give the tile registers back, which makes switching threads cheap again."""

    def generate(context, builder, signature, arguments):
        _tile(builder, "tilerelease")
        return context.get_dummy_value()

    return types.void(), generate


def _make_tile_product(rows: int, columns: int):
    """`rows` x 16 output positions by `columns` x 16 output channels, kept in `rows * columns` registers."""
    sums = [[row * columns + column for column in range(columns)] for row in range(rows)]
    left, right = rows * columns, rows * columns + rows

    @intrinsic
    def tile_product(typing, input_at, input_stride, steps, weight_at, totals_at, totals_stride, carry_on):
        """`totals [+]= input @ weight` over `steps` x 64 bytes; added to the totals that are there if `carry_on`.

        `input_at`: int8 `[rows * 16][steps * 64]`; `weight_at`: int8 `[steps][columns][16][16][4]`; `totals_at`: int32
        `[rows * 16][columns * 16]`. The strides are those of rows, in bytes.
        """

        def generate(context, builder, signature, arguments):
            input_at, input_stride, steps, weight_at, totals_at, totals_stride, carry_on = arguments
            row_step = builder.mul(input_stride, ir.Constant(I64, ROWS))
            line = ir.Constant(I64, 64)
            places = []
            for row in range(rows):
                at = builder.add(totals_at, builder.mul(totals_stride, ir.Constant(I64, ROWS * row)))
                places.append([_address(builder, at, 64 * column) for column in range(columns)])
            every = [(row, column) for row in range(rows) for column in range(columns)]
            with builder.if_else(builder.icmp_signed("!=", carry_on, ir.Constant(I64, 0))) as (more, anew):
                with more:
                    for row, column in every:
                        _tile(builder, "tileloadd64", sums[row][column], places[row][column], totals_stride)
                with anew:
                    for row, column in every:
                        _tile(builder, "tilezero", sums[row][column])
            with cgutils.for_range(builder, steps) as step:
                a = builder.add(input_at, builder.mul(step.index, line))
                b = builder.add(weight_at, builder.mul(step.index, ir.Constant(I64, 1024 * columns)))
                for row in range(rows):
                    _tile(builder, "tileloadd64", left + row, _address(builder, a), input_stride)
                    a = builder.add(a, row_step)
                for column in range(columns):
                    _tile(builder, "tileloadd64", right + column, _address(builder, b, 1024 * column), line)
                for row, column in every:
                    _tile(builder, "tdpbssd", sums[row][column], left + row, right + column)
            for row, column in every:
                _tile(builder, "tilestored64", sums[row][column], places[row][column], totals_stride)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 7), generate

    return tile_product


tile_product_1x1 = _make_tile_product(1, 1)
tile_product_1x2 = _make_tile_product(1, 2)
tile_product_2x1 = _make_tile_product(2, 1)
tile_product_2x2 = _make_tile_product(2, 2)
