"""What the compiled backend computes of operations that are no layer kernel: twins whose arithmetic is compiled."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import byref

import numpy as np
import torch
from torch import Tensor

from vistream.engine.stream.plan import LayerPlan
from vistream.engine.stream.twin import Twin, make_twin
from vistream.engine.stream.twin.floats import DeformableSamplingTwin
from vistream.engine.stream.twin.sums import BilinearTwin
from vistream.engine.stream.twin.twin import at
from vistream.ir.operations import Bilinear, DeformableSampling
from vistream.ir.value import Kind
from vistream.kernels.library import library
from vistream.kernels.structs import Deformable, Resize


class CompiledBilinear(BilinearTwin):
    """Of levels whose zero is 0."""

    def __init__(self, plan: LayerPlan) -> None:
        super().__init__(plan)
        assert isinstance(plan.layer, Bilinear)
        rows, columns = plan.layer.axes(plan.sources)
        self._lines = [np.ascontiguousarray(lines) for lines in (*rows[:2], *columns[:2])]  # which must be kept
        pointers = [lines.ctypes.data for lines in self._lines]
        self._resize = Resize(plan.sources[0].width, plan.height, plan.width, *pointers)

    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        out = torch.empty((len(index), self.plan.channels), dtype=torch.int32)
        row_bytes = sources[0].stride(1)
        library().vistream_bilinear(
            sources[0].data_ptr(), row_bytes, self.plan.channels, byref(self._resize), index.data_ptr(), len(index),
            out.data_ptr(),
        )  # fmt: skip
        return out


class CompiledDeformable(DeformableSamplingTwin):
    """With weights, summed over the taps."""

    def __init__(self, plan: LayerPlan) -> None:
        super().__init__(plan)
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
            field.data_ptr(), byref(self._shape), index.data_ptr(), len(index), moved.data_ptr(), shares.data_ptr(),
            out.data_ptr(),
        )  # fmt: skip
        return out


def make_native(plan: LayerPlan) -> Twin:
    """What computes a plan's operation: compiled where there is such a form of it, else its twin."""
    match plan.layer:
        case Bilinear() if plan.sources[0].kind is Kind.LEVELS and not plan.sources[0].zero:
            return CompiledBilinear(plan)
        case DeformableSampling(summed=True, weights=str()):
            return CompiledDeformable(plan)
    return make_twin(plan)
