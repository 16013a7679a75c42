"""Products of maps and transposed convolutions as the kernels' terms: exact sums of levels minus their zero."""

from __future__ import annotations

import numpy as np

from vistream.engine.stream.memory import IDENTITIES, Memory, term_of
from vistream.engine.stream.packing import aligned_zeros
from vistream.engine.stream.product import Weights
from vistream.ir.footprint import Everywhere
from vistream.ir.operations import TransposedConvolution
from vistream.kernels.library import Variant
from vistream.kernels.structs import LayerKind, TermKind, Window


def add_product(memory: Memory) -> None:
    """Both factors, position by position; a gate is one row for all positions."""
    memory.layer.kind = LayerKind.PRODUCT
    for source, footprint in zip(memory.sources, memory.plan.footprints, strict=True):
        term = term_of(memory, source, IDENTITIES[source.plan.value.kind])
        term.channels, term.begin = source.plan.channels, memory.at(source.plan.value.zeros.numpy())
        if isinstance(footprint, Everywhere):
            term.everywhere, term.row_bytes = 1, 0
        memory.terms.append(term)


def add_transposed(memory: Memory) -> None:
    """The convolution's weights, moved to `[row, column, group, input, output]`."""
    layer, (source,) = memory.plan.layer, memory.plan.sources
    assert isinstance(layer, TransposedConvolution)
    memory.layer.kind = LayerKind.TRANSPOSED
    term = term_of(memory, memory.sources[0], TermKind.IDENTITY)
    outputs, inputs, rows, columns = layer.weight.shape
    term.quads, term.first_channel = layer.groups, outputs // layer.groups
    apart = layer.weight.reshape(layer.groups, outputs // layer.groups, inputs, rows, columns)
    term.weight = memory.at(np.ascontiguousarray(apart.permute(3, 4, 0, 2, 1).numpy()))
    term.channels, term.begin = source.channels, memory.at(source.zeros.numpy())
    grids, steps = (*source.grid, *memory.plan.value.grid), (*layer.stride, *layer.dilation)
    term.window = Window(*grids, rows, columns, *steps, *layer.before)
    memory.terms.append(term)


def add_weights(memory: Memory, variant: Variant) -> None:
    """The product of a map with the transpose of another, see `product`."""
    left, right = memory.sources
    term = term_of(memory, left, TermKind.CONVOLVE)
    weights = Weights(memory.plan, right.grid, left.rows, memory.stride, variant)
    memory.weights, memory.layer.kind, memory.layer.half_even = weights, LayerKind.NEURON, 1  # exact for all it holds
    term.weight, term.begin, term.multiplier = (memory.at(array) for array in weights.arrays)
    term.quads = weights.quads
    memory.layer.bias = memory.at(aligned_zeros(memory.stride, np.float32))
    memory.terms.append(term)
