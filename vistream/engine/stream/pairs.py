"""Weights of convolutions where kernels add products of bytes in 16 bits, four at a time: of two weights from either of
two quads that follow upon each other.

Levels are made unsigned by adding what the lowest one lacks. Weights whose positive ones, and whose negative ones, sum
to no more than 32767 by the largest level then stay in 16 bits. Nearly all are so; the others are cut, and what is cut
off, the rests, is added quad by quad. The sum is the same integer. See kind/pairs.h.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.engine.stream.blocks import UNIT, blocks_of
from vistream.kernels.structs import Pairs

LARGEST = 32767
"""What 16 bits hold."""
MOST_RESTS = 0.1, 0.6
"""Rests for each pair, up to which pairs are quicker than quads one by one: where no level is negative, and where some
are, whose signs quads one by one have to move to the weights."""

Wide = NDArray[np.int16]


@dataclass(frozen=True, slots=True, eq=False)
class Rests:
    """What `Pairs` of job.h points to: `first` int32 `[units + 1]`, `place` int32 `[rests, 3]`, `rest` int8
    `[rests, channels of the widest block, 4]`."""

    shift: int
    first: NDArray[np.int32]
    place: NDArray[np.int32]
    rest: NDArray[np.int8]

    def struct(self) -> Pairs:
        """For the kernels; it points to the arrays here."""
        return Pairs(self.shift, *(array.ctypes.data for array in (self.first, self.place, self.rest)))


def room(lowest: int, highest: int) -> int:
    """What the positive ones of four weights may sum to whose products are added, and the negative ones.

    >>> room(0, 127), room(-13, 127), room(0, 15)
    (258, 234, 2184)
    """
    return LARGEST // max(highest - lowest, 1)


def cut(
    weight: NDArray[np.int8], kernel: tuple[int, int], lowest: int, highest: int, widest: int, anyhow: bool = False
) -> tuple[NDArray[np.int8], Rests] | None:
    """What the kernels multiply in pairs, and the rests; None where pairs would not be quicker, unless `anyhow`.

    `weight`: int8 `[taps, inputs, stride]`, inputs filled up to whole quads. `lowest`, `highest`: levels of the source.
    `widest`: channels of the kernels' widest block.
    """
    taps, inputs, stride = weight.shape
    quads = inputs // 4
    row = kernel[1] if quads == 1 else 1  # taps whose only quads lie side by side are taken as one with more inputs
    filled = np.zeros((taps // row, -(-row * quads // 2) * 2, 4, stride), np.int16)
    filled[:, : row * quads] = weight.reshape(taps // row, row * quads, 4, stride)
    two = filled.reshape(taps // row, -1, 2, 2, 2, stride)  # [piece, pair, quad, lane, weight, channel]
    most = room(lowest, highest)
    rest = _rest(two, most)
    kept = (two - rest).reshape(filled.shape)[:, : row * quads].reshape(weight.shape).astype(np.int8)
    left, parts = rest.reshape(filled.shape)[:, : row * quads].reshape(taps * quads, 2, 2, stride), []
    while left.any():
        parts.append(_fitting(left, most))
        left = left - parts[-1]
    rests = _listed(parts, kernel, quads, -lowest, widest, stride)
    pairs = two.shape[0] * two.shape[1] * len(blocks_of(stride, widest))
    return (kept, rests) if anyhow or len(rests.rest) <= MOST_RESTS[lowest < 0] * pairs else None


def _fitting(rest: Wide, most: int) -> Wide:
    """As much of rests `[quad, lane, weight, channel]` as one product of a quad takes: nearly always all."""
    part = np.zeros_like(rest)
    for sign in (1, -1):
        weights = np.maximum(sign * rest, 0).astype(np.int32)
        total = weights.sum(2, keepdims=True)
        part += sign * np.where(total > most, weights * most // np.maximum(total, 1), weights).astype(np.int16)
    return part


def _rest(two: Wide, most: int) -> Wide:
    """What to cut off weights `[piece, pair, quad, lane, weight, channel]` where a sum is too large: all of one quad
    where that is enough, so that one rest is enough as well, else the same share of both."""
    rest = np.zeros_like(two)
    for sign in (1, -1):
        part = np.maximum(sign * two, 0)
        total = part.sum((2, 4), dtype=np.int32)
        over = total > most  # [piece, pair, lane, channel]
        first, second = (part[:, :, quad].transpose(0, 1, 2, 4, 3)[over].astype(np.int32) for quad in (0, 1))
        one = (first.sum(1) <= most) & (second.sum(1) <= most)
        for quad, weights in enumerate((first, second)):
            share = weights - weights * most // total[over][:, None]
            off = np.where(one[:, None], weights * quad, share)
            rest[:, :, quad].transpose(0, 1, 2, 4, 3)[over] += sign * off.astype(np.int16)
    return rest


def _listed(parts: list[Wide], kernel: tuple[int, int], quads: int, shift: int, widest: int, stride: int) -> Rests:
    """Rests `[quad of all taps, lane, weight, channel]` as the kernels go through them: those that are not 0, block by
    block."""
    of_all = kernel[0] * kernel[1] * quads
    rest = np.concatenate(parts or [np.zeros((0, 2, 2, stride), np.int16)]).reshape(-1, 4, stride)
    first = np.zeros(stride // UNIT + 1, np.int32)
    places: list[NDArray[Any]] = []
    rows: list[NDArray[np.int8]] = []
    for begin, width in blocks_of(stride, widest):
        part = rest[:, :, begin : begin + width]
        index = np.flatnonzero(part.any((1, 2)))
        tap = index % of_all // quads
        places.append(np.stack([tap // kernel[1], tap % kernel[1], index % quads * 4], 1))
        padded = np.zeros((len(index), widest, 4), np.int8)
        padded[:, :width] = part[index].transpose(0, 2, 1)
        rows.append(padded)
        first[begin // UNIT + 1 :] += len(index)
    return Rests(shift, first, np.concatenate(places).astype(np.int32), np.concatenate(rows))
