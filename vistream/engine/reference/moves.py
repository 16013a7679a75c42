"""Operations that move levels about without changing them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vistream.engine.reference.maps import channels_last, surrounded
from vistream.ir.operations import Concat, MaxPool, Upsample
from vistream.ir.value import Value


def max_pool(layer: MaxPool, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    window = layer.window
    padded = surrounded(held[0].to(torch.float32), window, torch.full((sources[0].channels,), -128.0))
    return channels_last(F.max_pool2d(padded, window.kernel, window.stride, 0, window.dilation)).to(torch.int8)


def upsample(layer: Upsample, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    rows, columns = layer.factor
    return held[0].repeat_interleave(rows, 0).repeat_interleave(columns, 1)


def concat(layer: Concat, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(held), 2)
