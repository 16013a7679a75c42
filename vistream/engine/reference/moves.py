"""Operations that move numbers about without changing them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vistream.engine.reference.maps import channels_first, channels_last, surrounded
from vistream.ir.footprint import Axes
from vistream.ir.operations import (
    Concat,
    Constant,
    MaxPool,
    Nearest,
    Order,
    Pad,
    PickChannels,
    PixelShuffle,
    PixelUnshuffle,
    Rearrange,
    Slice,
    Upsample,
)
from vistream.ir.value import Value


def constant(layer: Constant, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    return layer.levels


def max_pool(layer: MaxPool, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    window = layer.window
    padded = surrounded(held[0].to(torch.float32), window, torch.full((sources[0].channels,), -128.0))
    return channels_last(F.max_pool2d(padded, window.kernel, window.stride, 0, window.dilation)).to(held[0].dtype)


def upsample(layer: Upsample, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    rows, columns = layer.factor
    return held[0].repeat_interleave(rows, 0).repeat_interleave(columns, 1)


def lines(layer: Nearest | Pad, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    """Whatever takes whole rows and columns of the source; where its footprint names none there is the zero."""
    axes = layer.footprints(sources)[0]
    assert isinstance(axes, Axes)
    rows, columns = torch.from_numpy(axes.rows), torch.from_numpy(axes.columns)
    zero = sources[0].zeros.to(held[0].dtype)
    last = [size - 1 for size in sources[0].grid]
    found = held[0][rows[0].clamp_max(last[0])][:, columns[0].clamp_max(last[1])]
    inside = (rows[1] > rows[0])[:, None, None] & (columns[1] > columns[0])[:, None]
    return torch.where(inside, found, zero)


def slice_(layer: Slice, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    (height, width), (top, left), (bottom, right) = sources[0].grid, layer.first, layer.cut
    return held[0][top : height - bottom : layer.step[0], left : width - right : layer.step[1]]


def concat(layer: Concat, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(held), 2)


def pick_channels(layer: PickChannels, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    return held[0][:, :, list(layer.channels)]


def pixel_shuffle(layer: PixelShuffle, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    return channels_last(F.pixel_shuffle(channels_first(held[0]), layer.factor))


def pixel_unshuffle(layer: PixelUnshuffle, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    return channels_last(F.pixel_unshuffle(channels_first(held[0]), layer.factor))


def rearrange(layer: Rearrange, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    value = layer.lay(sources)
    height, width, channels = *value.grid, value.channels
    numbers = channels_first(held[0]).reshape(-1) if layer.read is Order.CHANNELS_FIRST else held[0].reshape(-1)
    if layer.write is Order.CHANNELS_LAST:
        return numbers.reshape(height, width, channels)
    return channels_last(numbers.reshape(1, channels, height, width))
