"""The twins of operations on real numbers, whose arithmetic `ir` fixes step by step."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from vistream.engine.stream.twin.twin import Twin, at
from vistream.ir.operations import DeformableSampling, Island


class DeformableSamplingTwin(Twin):
    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        assert isinstance(self.plan.layer, DeformableSampling)
        held = [sources[0], *(at(source, index) for source in sources[1:])]
        return self.plan.layer.at(self.plan.sources, held, index // self.plan.width, index % self.plan.width)


class IslandTwin(Twin):
    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        assert isinstance(self.plan.layer, Island)
        return at(self.plan.layer.run(self.plan.sources, sources), index)
