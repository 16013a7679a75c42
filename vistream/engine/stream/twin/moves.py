"""The twins of operations that move levels about without changing them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vistream.engine.stream.twin.neuron import gather
from vistream.engine.stream.twin.twin import Twin, at
from vistream.ir.footprint import Axes, Place


class MaxPoolTwin(Twin):
    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        place = self.plan.footprints[0]
        assert isinstance(place, Place)
        return gather(sources[0], place, index, -128).amax(1)


class LinesTwin(Twin):
    """Whatever takes each position from the row and the column that its footprint names."""

    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        axes = self.plan.footprints[0]
        assert isinstance(axes, Axes)
        rows, columns = (torch.from_numpy(lines[0]) for lines in (axes.rows, axes.columns))
        return sources[0][rows[index // self.plan.width], columns[index % self.plan.width]]


class ConcatTwin(Twin):
    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        return torch.cat([at(source, index) for source in sources], 1)
