"""The product of a map with the transpose of another as a 1x1 convolution, whose weights the other one holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vistream.engine.stream.packing import Packed, Rows, aligned_zeros, pack
from vistream.engine.stream.plan import LayerPlan, SynapsePlan
from vistream.ir.footprint import place
from vistream.ir.formula import LARGEST_MEMBRANE
from vistream.ir.operations import MatrixProduct, Transposed
from vistream.ir.value import Kind
from vistream.ir.window import POINTWISE
from vistream.kernels.library import Variant

LARGEST_WEIGHT = 127  # what the kernels take


def is_convolution(plan: LayerPlan) -> bool:
    """Whether the kernels can take a product so: of levels, in one head, whose sums float32 holds exactly."""
    layer = plan.layer
    if not isinstance(layer, MatrixProduct) or layer.heads != 1 or layer.transposed is not Transposed.RIGHT:
        return False
    plain = all(source.kind is Kind.LEVELS and not source.zero for source in plan.sources)
    return plain and plan.sources[1].peak <= LARGEST_WEIGHT and plan.value.peak < LARGEST_MEMBRANE


class Weights:
    """The packed weights of such a product, in memory that stays where it is. `held`: the right matrix, `[H, W, C]`."""

    def __init__(self, plan: LayerPlan, held: torch.Tensor, rows: Rows, stride: int, variant: Variant) -> None:
        self._plan, self._held, self._variant = plan, held, variant
        self._rows, self._stride = rows, stride
        self.multiplier = aligned_zeros(stride, np.float32)
        self.multiplier[: plan.channels] = 1.0
        self._taken = held.clone()
        first = self._packed()
        self.quads, self.weight, self.begin = first.quads, first.weight, first.begin

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """What a term points to."""
        return self.weight, self.begin, self.multiplier

    def refresh(self) -> None:
        """Take over what the right matrix holds now."""
        if torch.equal(self._held, self._taken):
            return
        self._taken.copy_(self._held)
        packed = self._packed()
        self.weight[:], self.begin[:] = packed.weight, packed.begin

    def _packed(self) -> Packed:
        left, right = self._plan.sources
        weight = self._taken.reshape(right.positions, right.channels).t().contiguous()
        ones = torch.ones(right.positions)
        synapse = SynapsePlan("", place(POINTWISE, left), weight, ones, 1, False, weight.numel())
        bias = np.zeros(self._stride, np.float32)
        return pack(synapse, self._rows, self._stride, bias, self._variant, lasting=False)
