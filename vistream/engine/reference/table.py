"""The table from operation to its reference: whole maps in, the whole map out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from vistream.engine.reference import floats, moves, sums
from vistream.engine.reference.neuron import pre_activations
from vistream.ir import operations as ops
from vistream.ir.value import Value

Reference = Callable[[Any, Sequence[Value], Sequence[Tensor]], Tensor]
"""Of an operation of its own type, what its sources are and hold, `[H, W, C]` each, to what it gives (a neuron layer:
its pre-activations)."""

REFERENCE: dict[type[ops.Operation], Reference] = {
    ops.Constant: moves.constant,
    ops.Neuron: pre_activations,
    ops.MaxPool: moves.max_pool,
    ops.Upsample: moves.upsample,
    ops.Nearest: moves.lines,
    ops.Slice: moves.slice_,
    ops.Pad: moves.lines,
    ops.Concat: moves.concat,
    ops.PickChannels: moves.pick_channels,
    ops.PixelShuffle: moves.pixel_shuffle,
    ops.PixelUnshuffle: moves.pixel_unshuffle,
    ops.Rearrange: moves.rearrange,
    ops.AveragePool: sums.average_pool,
    ops.TransposedConvolution: sums.transposed_convolution,
    ops.Bilinear: sums.bilinear,
    ops.SpatialLinear: sums.spatial_linear,
    ops.Product: sums.product,
    ops.MatrixProduct: sums.matrix_product,
    ops.TokenSum: sums.token_sum,
    ops.DeformableSampling: floats.deformable_sampling,
    ops.Island: floats.island,
}
