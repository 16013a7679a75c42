"""What the compiled backend has of operations that are no layer kernel: twins whose arithmetic is compiled."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref

import torch
from torch import Tensor

from vistream.engine.stream.plan import LayerPlan
from vistream.engine.stream.twin import Twin, make_twin
from vistream.engine.stream.twin.floats import DeformableSamplingTwin
from vistream.engine.stream.twin.twin import at
from vistream.ir.operations import DeformableSampling
from vistream.kernels.library import Variant, library
from vistream.kernels.structs import Deformable


class CompiledDeformable(DeformableSamplingTwin):
    """With weights, summed over the taps."""

    def __init__(self, plan: LayerPlan, variant: Variant) -> None:
        super().__init__(plan)
        self._variant = variant
        layer, source = plan.layer, plan.sources[0]
        assert isinstance(layer, DeformableSampling)
        window, placed = layer.window, layer.window.place(*source.grid)
        self._shape = Deformable(
            source.height, source.width, source.channels, plan.width, layer.groups,
            *window.kernel, *window.stride, *window.dilation, placed.top, placed.left,
        )  # fmt: skip

    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        values, _, weights = self.plan.sources
        field = (sources[0].flatten(0, 1).to(torch.float32) - values.zeros).contiguous()
        moved = at(sources[1], index).contiguous()
        shares = (at(sources[2], index).to(torch.float32) - weights.zeros).contiguous()
        out = torch.empty((len(index), self.plan.channels))
        library().vistream_deformable(
            self._variant.handle, field.data_ptr(), byref(self._shape), index.data_ptr(), len(index), moved.data_ptr(),
            shares.data_ptr(), out.data_ptr(),
        )  # fmt: skip
        return out


def make_native(plan: LayerPlan, variant: Variant) -> Twin:
    """What computes a plan's operation: compiled where there is such a form of it, else its twin."""
    layer = plan.layer
    summed = isinstance(layer, DeformableSampling) and layer.summed and layer.weights is not None
    return CompiledDeformable(plan, variant) if summed else make_twin(plan)
