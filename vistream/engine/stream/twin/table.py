"""The table from operation to its twin."""

from __future__ import annotations

from vistream.engine.stream.plan import LayerPlan
from vistream.engine.stream.twin import floats, matrices, moves, sums
from vistream.engine.stream.twin.neuron import NeuronTwin
from vistream.engine.stream.twin.twin import Twin
from vistream.ir import operations as ops

TWINS: dict[type[ops.Operation], type[Twin]] = {
    ops.Constant: moves.ConstantTwin,
    ops.Neuron: NeuronTwin,
    ops.MaxPool: moves.MaxPoolTwin,
    ops.Upsample: moves.LinesTwin,
    ops.Nearest: moves.LinesTwin,
    ops.Slice: moves.LinesTwin,
    ops.Pad: moves.LinesTwin,
    ops.Concat: moves.ConcatTwin,
    ops.PickChannels: moves.PickChannelsTwin,
    ops.PixelShuffle: moves.PixelShuffleTwin,
    ops.PixelUnshuffle: moves.PixelUnshuffleTwin,
    ops.Rearrange: moves.RearrangeTwin,
    ops.AveragePool: sums.AveragePoolTwin,
    ops.TransposedConvolution: sums.TransposedConvolutionTwin,
    ops.Bilinear: sums.BilinearTwin,
    ops.SpatialLinear: sums.SpatialLinearTwin,
    ops.Product: sums.ProductTwin,
    ops.MatrixProduct: matrices.MatrixProductTwin,
    ops.TokenSum: matrices.TokenSumTwin,
    ops.DeformableSampling: floats.DeformableSamplingTwin,
    ops.Island: floats.IslandTwin,
}


def make_twin(plan: LayerPlan) -> Twin:
    """The twin of a plan's operation."""
    return TWINS[type(plan.layer)](plan)
