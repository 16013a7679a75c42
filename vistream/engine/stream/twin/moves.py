"""The twins of operations that move numbers about without changing them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vistream.engine.stream.plan import LayerPlan
from vistream.engine.stream.twin.neuron import gather
from vistream.engine.stream.twin.twin import Twin, at
from vistream.ir.footprint import Axes, Place
from vistream.ir.operations import Constant, Order, PickChannels, PixelShuffle, PixelUnshuffle, Rearrange


class ConstantTwin(Twin):
    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        assert isinstance(self.plan.layer, Constant)
        return at(self.plan.layer.levels, index)


class MaxPoolTwin(Twin):
    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        place = self.plan.footprints[0]
        assert isinstance(place, Place)
        return gather(sources[0], place, index, -128).amax(1)


class LinesTwin(Twin):
    """Whatever takes each position from the row and the column that its footprint names, or holds its zero."""

    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        axes = self.plan.footprints[0]
        assert isinstance(axes, Axes)
        row, behind = torch.from_numpy(axes.rows)[:, index // self.plan.width]
        column, right = torch.from_numpy(axes.columns)[:, index % self.plan.width]
        found = torch.empty((len(index), self.plan.channels), dtype=sources[0].dtype)
        found[:] = self.plan.value.zeros
        inside = ((behind > row) & (right > column)).nonzero()[:, 0]
        found[inside] = sources[0][row[inside], column[inside]]
        return found


class ConcatTwin(Twin):
    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        return torch.cat([at(source, index) for source in sources], 1)


class PickChannelsTwin(Twin):
    def __init__(self, plan: LayerPlan) -> None:
        super().__init__(plan)
        assert isinstance(plan.layer, PickChannels)
        self._channels = torch.tensor(plan.layer.channels)

    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        return at(sources[0], index).index_select(1, self._channels)


class PixelShuffleTwin(Twin):
    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        assert isinstance(self.plan.layer, PixelShuffle)
        factor = self.plan.layer.factor
        y, x = index // self.plan.width, index % self.plan.width
        channels = (y % factor * factor + x % factor)[:, None] + torch.arange(self.plan.channels) * factor**2
        return sources[0][(y // factor)[:, None], (x // factor)[:, None], channels]


class PixelUnshuffleTwin(Twin):
    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        assert isinstance(self.plan.layer, PixelUnshuffle)
        factor = self.plan.layer.factor
        within = torch.arange(factor)
        y = (index // self.plan.width)[:, None, None] * factor + within[:, None]
        x = (index % self.plan.width)[:, None, None] * factor + within
        return sources[0][y, x].permute(0, 3, 1, 2).reshape(len(index), -1)


class RearrangeTwin(Twin):
    """The whole is rearranged, of which rows are taken: nearly always all of them."""

    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        layer, source = self.plan.layer, sources[0]
        assert isinstance(layer, Rearrange)
        numbers = (source.permute(2, 0, 1) if layer.read is Order.CHANNELS_FIRST else source).reshape(-1)
        if layer.write is Order.CHANNELS_LAST:
            return at(numbers.reshape(1, -1, self.plan.channels), index)
        return at(numbers.reshape(1, self.plan.channels, -1).mT, index)
