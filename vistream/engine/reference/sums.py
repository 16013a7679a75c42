"""Operations that give exact sums. All of it in float64, which holds every integer up to 2^53."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vistream.engine.reference.maps import channels_first, channels_last, surrounded
from vistream.ir.operations import (
    AveragePool,
    Bilinear,
    MatrixProduct,
    Product,
    SpatialLinear,
    TokenSum,
    Transposed,
    TransposedConvolution,
)
from vistream.ir.value import Value


def average_pool(layer: AveragePool, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    window, channels = layer.window, sources[0].channels
    ones = torch.ones(channels, 1, *window.kernel, dtype=torch.float64)
    padded = surrounded(_centred(sources[0], held[0]), window, torch.zeros(channels))
    total = F.conv2d(padded, ones, None, window.stride, 0, window.dilation, channels)
    return _whole(channels_last(total) * torch.from_numpy(layer.factors(sources[0]))[:, :, None])


def transposed_convolution(layer: TransposedConvolution, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    outputs, per_group, rows, columns = layer.weight.shape
    grouped = layer.weight.reshape(layer.groups, outputs // layer.groups, per_group, rows, columns)
    weight = grouped.transpose(1, 2).flatten(0, 1).to(torch.float64)  # as torch has it: [I, O / groups, kh, kw]
    planes = channels_first(_centred(sources[0], held[0]))
    full = F.conv_transpose2d(planes, weight, None, layer.stride, 0, 0, layer.groups, layer.dilation)
    edges = (layer.before[1], layer.after[1], layer.before[0], layer.after[0])
    return _whole(channels_last(F.pad(full, [-edge for edge in edges])))


def bilinear(layer: Bilinear, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    matrices = []
    for (lines, weights, _), size in zip(layer.axes(sources), sources[0].grid, strict=True):
        matrix = torch.zeros(lines.shape[1], size, dtype=torch.float64)
        for line, weight in zip(torch.from_numpy(lines), torch.from_numpy(weights), strict=True):
            matrix[torch.arange(len(line)), line] += weight
        matrices.append(matrix)
    return _whole(torch.einsum("yh,hwc,xw->yxc", matrices[0], _centred(sources[0], held[0]), matrices[1]))


def spatial_linear(layer: SpatialLinear, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    mixed = layer.weight.to(torch.float64) @ _centred(sources[0], held[0]).flatten(0, 1)
    return _whole(mixed.reshape(*layer.grid, -1))


def product(layer: Product, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    left, right = (_centred(*each) for each in zip(sources, held, strict=True))
    return _whole(left * right)


def matrix_product(layer: MatrixProduct, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    left, right = (_matrices(layer.heads, *each) for each in zip(sources, held, strict=True))
    found = left @ (right.mT if layer.transposed is Transposed.RIGHT else right)
    return _whole(found.transpose(0, 1).reshape(*sources[0].grid, -1))


def token_sum(layer: TokenSum, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    left, right = (_matrices(layer.heads, *each) for each in zip(sources, held, strict=True))
    found = left.mT @ right  # [heads, dk, dv]
    return _whole(found.transpose(0, 1).reshape(1, found.shape[1], -1))


def _matrices(heads: int, source: Value, held: Tensor) -> Tensor:
    """`[heads, positions, channels / heads]`."""
    return _centred(source, held).reshape(source.positions, heads, -1).transpose(0, 1)


def _centred(source: Value, held: Tensor) -> Tensor:
    return held.to(torch.float64) - source.zeros


def _whole(numbers: Tensor) -> Tensor:
    return numbers.to(torch.int32)
