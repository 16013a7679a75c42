"""The twins of operations that give exact sums, in int64, of which 32 bits are known to be enough."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vistream.engine.stream.twin.neuron import gather
from vistream.engine.stream.twin.twin import Twin, at
from vistream.ir.footprint import Everywhere, Place
from vistream.ir.operations import AveragePool, Bilinear, SpatialLinear, TransposedConvolution
from vistream.ir.value import Value


class AveragePoolTwin(Twin):
    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        layer, place, source = self.plan.layer, self.plan.footprints[0], self.plan.sources[0]
        assert isinstance(layer, AveragePool) and isinstance(place, Place)
        windows = gather(sources[0], place, index, source.zeros.to(torch.int8))
        total = centred(windows, source).sum(1)
        factors = torch.from_numpy(layer.factors(source)).reshape(-1)[index]
        return (total * factors[:, None]).to(torch.int32)


class TransposedConvolutionTwin(Twin):
    """Each output position fetches what reaches it, one tap of the kernel after the other."""

    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        layer, source = self.plan.layer, self.plan.sources[0]
        assert isinstance(layer, TransposedConvolution)
        outputs, per_group, rows, columns = layer.weight.shape
        weight = layer.weight.reshape(layer.groups, outputs // layer.groups, per_group, rows, columns).to(torch.float64)
        y = index // self.plan.width + layer.before[0]
        x = index % self.plan.width + layer.before[1]
        total = torch.zeros(len(index), layer.groups, outputs // layer.groups, dtype=torch.float64)
        for tap in range(rows * columns):
            down, across = divmod(tap, columns)
            row, column = y - down * layer.dilation[0], x - across * layer.dilation[1]
            fits = (row % layer.stride[0] == 0) & (column % layer.stride[1] == 0)
            row, column = row // layer.stride[0], column // layer.stride[1]
            fits &= (row >= 0) & (row < source.height) & (column >= 0) & (column < source.width)
            reached = fits.nonzero()[:, 0]
            brought = centred(sources[0][row[reached], column[reached]], source).to(torch.float64)
            brought = brought.reshape(len(reached), layer.groups, per_group)
            total[reached] += torch.einsum("ngi,goi->ngo", brought, weight[:, :, :, down, across])
        return total.flatten(1).to(torch.int32)


class BilinearTwin(Twin):
    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        assert isinstance(self.plan.layer, Bilinear)
        (rows, down, _), (columns, across, _) = self.plan.layer.axes(self.plan.sources)
        y, x = index // self.plan.width, index % self.plan.width
        total = torch.zeros(len(index), self.plan.channels, dtype=torch.int64)
        for row, over in zip(torch.from_numpy(rows), torch.from_numpy(down), strict=True):
            for column, along in zip(torch.from_numpy(columns), torch.from_numpy(across), strict=True):
                weight = (over[y] * along[x])[:, None]
                total += centred(sources[0][row[y], column[x]], self.plan.sources[0]) * weight
        return total.to(torch.int32)


class SpatialLinearTwin(Twin):
    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        assert isinstance(self.plan.layer, SpatialLinear)
        values = centred(sources[0].flatten(0, 1), self.plan.sources[0]).to(torch.float64)
        return (self.plan.layer.weight[index].to(torch.float64) @ values).to(torch.int32)


class ProductTwin(Twin):
    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        left, right = self.plan.sources
        everywhere = isinstance(self.plan.footprints[1], Everywhere)
        gate = sources[1][0] if everywhere else at(sources[1], index)
        return (centred(at(sources[0], index), left) * centred(gate, right)).to(torch.int32)


def centred(numbers: Tensor, source: Value) -> Tensor:
    """Minus what stands for 0, channels last: int64."""
    return numbers.to(torch.int64) - source.zeros
