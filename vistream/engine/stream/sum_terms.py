"""Products of maps and transposed convolutions as the kernels' terms: exact sums of levels minus their zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vistream.ir.footprint import Everywhere
from vistream.ir.operations import TransposedConvolution
from vistream.kernels.structs import LayerKind, Term, Window

if TYPE_CHECKING:
    from vistream.engine.stream.memory import Memory


def add_product(memory: Memory, terms: Sequence[Term]) -> None:
    """`terms`: of both factors, position by position; a gate is one row for all positions."""
    memory.layer.kind = LayerKind.PRODUCT
    for term, source, footprint in zip(terms, memory.sources, memory.plan.footprints, strict=True):
        term.channels, term.begin = source.plan.channels, memory.at(source.plan.value.zeros.numpy())
        if isinstance(footprint, Everywhere):
            term.everywhere, term.row_bytes = 1, 0
        memory.terms.append(term)


def add_transposed(memory: Memory, term: Term) -> None:
    """`term`: of its only source."""
    layer, (source,) = memory.plan.layer, memory.plan.sources
    assert isinstance(layer, TransposedConvolution)
    memory.layer.kind = LayerKind.TRANSPOSED
    outputs, inputs, rows, columns = layer.weight.shape
    term.quads, term.first_channel = layer.groups, outputs // layer.groups
    apart = layer.weight.reshape(layer.groups, outputs // layer.groups, inputs, rows, columns)
    term.weight = memory.at(np.ascontiguousarray(apart.permute(3, 4, 0, 2, 1).numpy()))
    term.channels, term.begin = source.channels, memory.at(source.zeros.numpy())
    grids, steps = (*source.grid, *memory.plan.value.grid), (*layer.stride, *layer.dilation)
    term.window = Window(*grids, rows, columns, *steps, *layer.before)
    memory.terms.append(term)
