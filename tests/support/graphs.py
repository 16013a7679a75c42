"""Random networks over every operation there is: each entry of `MAKERS` adds one of its kind to a graph."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from growing_graph import Graph
from hypothesis import strategies as st
from torch import Tensor, nn
from toys import Toy

from vistream.ir import operations as ops
from vistream.ir.network import IntegerNetwork, Output
from vistream.ir.target import Target
from vistream.ir.value import Kind
from vistream.ir.window import Window

INTEGERS = (Kind.LEVELS, Kind.SUMS)


def convolution(graph: Graph) -> None:
    source = graph.pick()
    first, outputs = graph.synapse(source)
    synapses = [first]
    if graph.chance(0.3):
        synapses.append(graph.synapse(graph.pick(grid=graph.values[source].grid), outputs)[0])
    gives = (Kind.LEVELS, Kind.LEVELS, Kind.SUMS, Kind.REAL)[graph.integer(0, 3)]
    graph.neuron("convolution", *synapses, gives=gives)


def requantised(graph: Graph) -> None:
    """What is left of sums and real numbers: levels; twice as likely as anything else, so that graphs go on."""
    source = graph.pick(Kind.SUMS, Kind.REAL) if graph.chance(0.8) else graph.pick(*Kind)
    value = graph.values[source]
    synapses = [graph.term(source)]
    if graph.chance(0.3):
        synapses.append(graph.term(graph.pick(*Kind, grid=value.grid, channels=value.channels)))
    graph.neuron("requantised", *synapses)


def mean(graph: Graph) -> None:
    graph.neuron("mean", graph.term(graph.pick(*INTEGERS), None))


def max_pool(graph: Graph) -> None:
    graph.add(ops.MaxPool(graph.name("max"), graph.pick(), graph.window()))


def upsample(graph: Graph) -> None:
    graph.add(ops.Upsample(graph.name("up"), graph.pick(*Kind), graph.pair(1, 2)))


def target(graph: Graph) -> tuple[Target, str | None]:
    way = graph.integer(0, 2)
    if way == 0:
        return Target(size=graph.pair(1, 9)), None
    if way == 1:
        return Target(times=graph.pair(1, 4), by=graph.pair(1, 3)), None
    return Target(), graph.pick(*Kind)


def nearest(graph: Graph) -> None:
    aim, like = target(graph)
    choice = graph.any_of(ops.Choice)
    graph.add(ops.Nearest(graph.name("nearest"), graph.pick(*Kind), aim, choice, like))  # type: ignore[arg-type]


def bilinear(graph: Graph) -> None:
    aim, like = target(graph)
    corners = graph.any_of(ops.Corners)
    graph.add(ops.Bilinear(graph.name("bilinear"), graph.pick(*INTEGERS), aim, corners, like))  # type: ignore[arg-type]


def pad(graph: Graph) -> None:
    before, after = graph.pair(-1, 2), graph.pair(-1, 2)
    graph.add(ops.Pad(graph.name("pad"), graph.pick(*Kind), before, after, graph.any_of(ops.Edge)))  # type: ignore[arg-type]


def slice_(graph: Graph) -> None:
    first, step, cut = graph.pair(0, 2), graph.pair(1, 3), graph.pair(0, 2)
    graph.add(ops.Slice(graph.name("slice"), graph.pick(*Kind), first, step, cut))


def concat(graph: Graph) -> None:
    first = graph.pick(*Kind)
    value = graph.values[first]
    graph.add(ops.Concat(graph.name("concat"), (first, graph.pick(value.kind, grid=value.grid))))


def pick_channels(graph: Graph) -> None:
    source = graph.pick(*Kind)
    last = graph.values[source].channels - 1
    channels = tuple(graph.integer(0, last) for _ in range(graph.integer(1, 4)))
    graph.add(ops.PickChannels(graph.name("pick"), source, channels))


def pixel_shuffle(graph: Graph) -> None:
    source = graph.pick(*Kind)
    if graph.values[source].channels % 4:
        channels = tuple(range(graph.values[source].channels)) * 4
        source = graph.add(ops.PickChannels(graph.name("pick"), source, channels))
    graph.add(ops.PixelShuffle(graph.name("shuffle"), source, 2))


def pixel_unshuffle(graph: Graph) -> None:
    graph.add(ops.PixelUnshuffle(graph.name("unshuffle"), graph.pick(*Kind), graph.integer(1, 2)))


def rearrange(graph: Graph) -> None:
    shapes = (("H", "W", "C"), ("1", "C", "HW"), ("HW", "1", "C"), ("1", "1", "CHW"), ("C", "W", "H"))
    shape = shapes[graph.integer(0, len(shapes) - 1)]
    read, write = graph.any_of(ops.Order), graph.any_of(ops.Order)
    graph.add(ops.Rearrange(graph.name("rearrange"), graph.pick(*Kind), read, write, shape))  # type: ignore[arg-type]


def constant(graph: Graph) -> None:
    value = graph.values[graph.pick(*Kind)]
    graph.add(ops.Constant(graph.name("constant"), graph.weights(*value.grid, value.channels)))


def average_pool(graph: Graph) -> None:
    graph.add(ops.AveragePool(graph.name("average"), graph.pick(), graph.window(), graph.chance(0.5)))


def transposed_convolution(graph: Graph) -> None:
    source = graph.pick()
    channels = graph.values[source].channels
    groups = channels if graph.chance(0.3) else 1
    weight = graph.weights(groups * graph.integer(1, 2), channels // groups, *graph.pair(1, 3))
    stride, before, after, dilation = graph.pair(1, 2), graph.pair(0, 1), graph.pair(-1, 1), graph.pair(1, 2)
    layer = ops.TransposedConvolution(graph.name("deconv"), source, weight, stride, before, after, dilation, groups)
    graph.add(layer)


def spatial_linear(graph: Graph) -> None:
    source = graph.pick()
    grid = graph.pair(1, 3)
    weight = graph.weights(grid[0] * grid[1], graph.values[source].positions)
    graph.add(ops.SpatialLinear(graph.name("mix"), source, weight, grid))


def product(graph: Graph) -> None:
    left = graph.pick(*INTEGERS)
    value = graph.values[left]
    if graph.chance(0.4):
        right = graph.neuron("gate", graph.term(left, None))
    else:
        right = graph.pick(*INTEGERS, grid=value.grid)
    graph.add(ops.Product(graph.name("product"), left, right))


def matrix_product(graph: Graph) -> None:
    left = graph.pick(*INTEGERS)
    channels = graph.values[left].channels
    right = graph.pick(*INTEGERS, channels=channels)
    heads = 2 if channels % 2 == 0 and graph.chance(0.5) else 1
    graph.add(ops.MatrixProduct(graph.name("scores"), left, right, heads, ops.Transposed.RIGHT))


def attention(graph: Graph) -> None:
    """`q (k^T v)`: a running sum, and the product with it."""
    key = graph.pick()
    value = graph.values[key]
    heads = 2 if value.channels % 2 == 0 and graph.chance(0.5) else 1
    values = graph.pick(grid=value.grid)
    total = graph.add(ops.TokenSum(graph.name("tokens"), key, values, heads))
    graph.add(ops.MatrixProduct(graph.name("attention"), graph.pick(channels=value.channels), total, heads))


def deformable_sampling(graph: Graph) -> None:
    source = graph.pick(*Kind)
    value = graph.values[source]
    window = Window(graph.pair(1, 2), graph.pair(1, 2), graph.pair(1, 2), graph.pair(0, 1))
    groups = value.channels if graph.chance(0.3) else 1
    per_group = groups * window.kernel[0] * window.kernel[1]
    seen = graph.pick()
    looks = [_seeing(graph, seen, window, count) for count in (2 * per_group, per_group)]
    grid = window.place(*value.grid)
    if graph.values[seen].grid != value.grid or grid.height < 1:
        raise ValueError("it looks elsewhere")
    offsets = graph.neuron("offsets", looks[0], gives=Kind.REAL)
    weights = graph.neuron("weights", looks[1]) if graph.chance(0.6) else None
    layer = ops.DeformableSampling(
        graph.name("deformable"), source, offsets, weights, window, groups, graph.chance(0.6)
    )
    graph.add(layer)


def _seeing(graph: Graph, source: str, window: Window, outputs: int) -> ops.Synapse:
    """A convolution whose windows lie where those of `window` do; its results are small."""
    value = graph.values[source]
    weight = graph.weights(outputs, value.channels, *window.kernel)
    typical = 70 * math.sqrt(weight[0].numel()) * value.peak
    return ops.Synapse(source, weight, torch.full((outputs,), 2.0 / typical), window, 1)


class Softmax(nn.Module):
    """Nothing that integers could do."""

    def __init__(self, outputs: int, inputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))

    def forward(self, *values: Tensor) -> Tensor:
        mixed = torch.einsum("oi,bihw->bohw", self.weight, torch.cat(values, 1))
        return mixed.flatten(2).softmax(2).reshape(mixed.shape) * 8


def island(graph: Graph) -> None:
    first = graph.pick(*Kind)
    sources = (first, graph.pick(*Kind, grid=graph.values[first].grid)) if graph.chance(0.4) else (first,)
    values = [graph.values[source] for source in sources]
    gains = tuple(torch.full((value.channels,), 1 / max(1, value.peak)) for value in values)
    offsets = tuple(torch.full((value.channels,), 0.5) for value in values)
    torch.manual_seed(graph.integer(0, 99))
    module = Softmax(graph.integer(1, 3), sum(value.channels for value in values))
    gives = Kind.REAL if graph.chance(0.4) else Kind.LEVELS
    graph.add(ops.Island(graph.name("island"), sources, module, gains, offsets, 0.1, -7, 20, gives=gives))


Maker = Callable[[Graph], None]
MAKERS: dict[type[ops.Operation], tuple[Maker, ...]] = {
    ops.Constant: (constant,),
    ops.Neuron: (convolution, convolution, requantised, requantised, mean),
    ops.MaxPool: (max_pool,),
    ops.Upsample: (upsample,),
    ops.Nearest: (nearest,),
    ops.Pad: (pad,),
    ops.Slice: (slice_,),
    ops.Concat: (concat,),
    ops.PickChannels: (pick_channels,),
    ops.PixelShuffle: (pixel_shuffle,),
    ops.PixelUnshuffle: (pixel_unshuffle,),
    ops.Rearrange: (rearrange,),
    ops.AveragePool: (average_pool,),
    ops.TransposedConvolution: (transposed_convolution,),
    ops.Bilinear: (bilinear,),
    ops.SpatialLinear: (spatial_linear,),
    ops.Product: (product,),
    ops.MatrixProduct: (matrix_product, attention),
    ops.TokenSum: (attention,),
    ops.DeformableSampling: (deformable_sampling,),
    ops.Island: (island,),
}
"""What adds an operation of each kind; a maker raises ValueError where the graph so far has no place for one."""


@st.composite
def graphs(draw: st.DrawFn, must: type[ops.Operation] | None = None, most: int = 9) -> Toy:
    """Random networks of up to `most` additions behind the input and one convolution; one of them is a `must`."""
    height, width = draw(st.tuples(st.integers(1, 8), st.integers(1, 8)), label="size")
    graph = Graph(height, width, np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="numbers")))
    channels = draw(st.integers(1, 3), label="channels")
    offset = tuple(graph.integer(0, 255) for _ in range(channels)) if graph.chance(0.5) else ()
    graph.add(ops.Input("x", channels, offset))
    attempt(graph, convolution)
    makers = [maker for kind in MAKERS.values() for maker in kind]
    wanted = draw(st.lists(st.sampled_from(makers), max_size=most), label="kinds")
    if must is not None:
        wanted.insert(draw(st.integers(0, len(wanted)), label="where"), MAKERS[must][-1])
    for maker in wanted:
        attempt(graph, maker)
    scale = torch.full((graph.values[graph.layers[-1].name].channels,), 0.5)
    names = {graph.layers[-1].name: scale} | {graph.pick(*Kind): 0.25}
    outputs = tuple(Output(f"{name} out", name, scale) for name, scale in names.items())
    return Toy(IntegerNetwork(tuple(graph.layers), outputs), height, width)


def attempt(graph: Graph, maker: Maker) -> None:
    """A few tries: what a maker draws may not fit what there is."""
    for _ in range(6):
        before = len(graph.layers)
        try:
            maker(graph)
            return
        except ValueError:
            for layer in graph.layers[before:]:
                del graph.values[layer.name]
            del graph.layers[before:]
