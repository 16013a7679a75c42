"""The multiply-accumulates that an operation says it needs, held to brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from graphs import MAKERS, attempt, convolution
from growing_graph import Graph
from torch import Tensor

from vistream.engine.reference import REFERENCE
from vistream.ir import operations as ops
from vistream.ir.target import Target
from vistream.ir.value import Value
from vistream.ir.window import Window

ONES = torch.ones(2, 2, 3, 2, dtype=torch.int8)
LINEAR = (
    ops.AveragePool("a", "x", Window((3, 2), (2, 1), padding=(1, 0), ceil=True), False),
    ops.TransposedConvolution("t", "x", ONES, (2, 1), (1, 0), (0, 1), (2, 1)),
    ops.Bilinear("b", "x", Target(size=(7, 3))),
    ops.Bilinear("b", "x", Target(size=(3, 9)), ops.Corners.ALIGNED),
    ops.SpatialLinear("s", "x", torch.ones(6, 20, dtype=torch.int8), (2, 3)),
)


def some(seed: int, *shape: int) -> Tensor:
    """Numbers 0 and 1."""
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 2, shape, dtype=np.int8))


@pytest.mark.parametrize("layer", LINEAR, ids=lambda layer: type(layer).__name__)
def test_a_number_takes_part_in_as_many_sums_as_it_changes(layer: ops.Operation) -> None:
    source = Value(5, 4, 2)
    held = some(0, 5, 4, 2)
    found = 0
    for y, x, channel in itertools.product(range(5), range(4), range(2)):
        if held[y, x, channel]:
            alone = torch.zeros_like(held)
            alone[y, x, channel] = 1
            found += int((REFERENCE[type(layer)](layer, [source], [alone]) != 0).sum())
    assert layer.used_macs([source], [held != 0]) == found
    assert layer.used_macs([source], [torch.ones(5, 4, 2) > 0]) <= layer.macs([source])


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (ops.Product("p", "a", "b"), ((3, 4, 6), (3, 4, 6))),
        (ops.Product("p", "a", "b"), ((3, 4, 6), (1, 1, 6))),
        (ops.Product("p", "a", "b"), ((3, 4, 6), (3, 4, 1))),
        (ops.MatrixProduct("m", "a", "b", 2, ops.Transposed.RIGHT), ((3, 4, 6), (2, 2, 6))),
        (ops.MatrixProduct("m", "a", "b", 2), ((3, 4, 6), (1, 3, 8))),
        (ops.TokenSum("t", "a", "b", 2), ((3, 4, 6), (3, 4, 8))),
    ],
)
def test_products_of_zeros_and_ones_add_up_to_the_operations_they_need(
    layer: ops.Operation, shapes: tuple[tuple[int, int, int], tuple[int, int, int]]
) -> None:
    held = [some(seed, *shape) for seed, shape in enumerate(shapes)]
    sources = [Value(*shape) for shape in shapes]
    found = int(REFERENCE[type(layer)](layer, sources, held).sum())
    assert layer.used_macs(sources, [value != 0 for value in held]) == found
    assert layer.used_macs(sources, [torch.ones(shape) > 0 for shape in shapes]) == layer.macs(sources)


@pytest.mark.parametrize("kind", MAKERS, ids=lambda kind: kind.__name__)
def test_what_is_used_is_part_of_what_there_is(kind: type[ops.Operation]) -> None:
    for seed in range(20):
        graph = Graph(5, 6, np.random.default_rng(seed))
        graph.add(ops.Input("x", 2))
        attempt(graph, convolution)
        for maker in MAKERS[kind]:
            attempt(graph, maker)
        for layer in graph.layers[1:]:
            sources = [graph.values[name] for name in layer.sources]
            full = [torch.ones(*source.grid, source.channels) > 0 for source in sources]
            assert 0 <= layer.used_macs(sources, full) <= layer.macs(sources)
            may_have_none = isinstance(layer, ops.Neuron | ops.Island)  # without synapses; elementwise alone
            assert layer.computes == (layer.macs(sources) > 0) or may_have_none
