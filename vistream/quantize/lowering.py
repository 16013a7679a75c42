"""The state of a lowering: which node is a constant, a layer, a sum that is still pending, or part of an island."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from vistream.errors import VistreamError
from vistream.ir.graph import Graph
from vistream.ir.node import Node, Operand, Weight
from vistream.ir.operations import Operation
from vistream.quantize.pointwise import bends, closing, members
from vistream.quantize.program import (
    FloatFixed,
    FloatInput,
    FloatIsland,
    FloatLayer,
    FloatNeuron,
    Program,
    ProgramOutput,
    Sum,
    identity,
)
from vistream.quantize.view import Grid, View, is_vector


@dataclass(frozen=True, eq=False)
class Value:
    """What a node gives: a layer's name, or a sum that is pending; the map's size; how its tensor lies over that."""

    held: str | Sum
    grid: Grid
    view: View = None


class Lowering:
    """What is known so far of the nodes, and the layers that were made.

    A node is in `constants`, in `values`, in `floating` (part of an island that is not closed yet), or was taken in by
    an elementwise function, which stands for its last node alone.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        kinds = graph.kinds()
        self.shapes = {name: shape for name, (shape, _) in kinds.items()}
        self._floats = {name for name, (_, dtype) in kinds.items() if dtype.is_floating_point}
        self.users = graph.users()
        self.layers: list[FloatLayer] = []
        self.channels: dict[str, int] = {}
        self.constants: dict[str, Tensor] = {}
        self.values: dict[str, Value] = {}
        self.floating: set[str] = set()
        self.inside: set[str] = set()
        self.views: dict[str, Tensor] = {}

    def finished(self) -> Program:
        """The program, once all nodes were taken."""
        outputs = {name: self._output(source) for name, source in self.graph.outputs.items()}
        for layer in self.layers:
            value = self.values.get(layer.node)
            if value is not None and value.held == layer.name and value.view is not None:
                self.views[layer.name] = value.view
        return Program(self.graph, tuple(self.layers), self.channels, outputs, self.views)

    # ---- what a node gives ----

    def is_map(self, name: str) -> bool:
        """Whether a node's tensor is a map as it stands, or can be made one."""
        if name in self.floating:
            return len(self.shapes[name]) == 4 and self.shapes[name][0] == 1
        return name in self.values and self.values[name].view is None

    def is_vector(self, name: str) -> bool:
        """Whether a node's tensor is `[1, C]`, the channels of a map of one position."""
        return name in self.values and is_vector(self.values[name].view, self.values[name].grid)

    def grid(self, name: str) -> Grid:
        """The size of a node's map."""
        _, channels, height, width = self.shapes[name]
        return channels, height, width

    def layer_of(self, name: str) -> str:
        """The layer that holds a node's value, made now where there is none yet."""
        if name in self.floating:
            return self._close(name)
        value = self.values[name]
        if isinstance(value.held, str):
            return value.held
        layer = self.neuron(name, value.held)
        self.values[name] = replace(value, held=layer)
        return layer

    def pending(self, name: str) -> Sum:
        """A node's value as a sum: that of a layer becomes the sum of itself alone."""
        value = self.values[name]
        return value.held if isinstance(value.held, Sum) else identity(value.held, value.grid[0])

    # ---- layers ----

    def add(self, layer: FloatLayer, channels: int) -> str:
        """Append a layer; its name."""
        self.layers.append(layer)
        self.channels[layer.name] = channels
        return layer.name

    def node_of(self, name: str) -> str:
        """The node whose tensor a layer stands for."""
        return next(layer.node for layer in self.layers if layer.name == name)

    def free(self, name: str) -> str:
        """The name, or one like it that no layer has yet."""
        number, found = 2, name
        while found in self.channels:
            number, found = number + 1, f"{name}:{number}"
        return found

    def fixed(self, node: str, operation: Operation, channels: int, view: View = None) -> str:
        """A layer that knows no scale. `view`: how the node's tensor lies over it, where `finished` won't find it."""
        if view is not None:
            self.views[operation.name] = view
        return self.add(FloatFixed(operation.name, node, operation), channels)

    def neuron(self, node: str, pending: Sum, clip: tuple[float, float] | None = None, root: str | None = None) -> str:
        """A neuron layer, called after its convolution where it has one."""
        title = next((term.title for term in pending.terms if term.title), node)
        name = title if title not in self.channels else self.free(f"{title}:{node}")
        activation = node if clip is not None or root is not None else ""
        return self.add(FloatNeuron(name, node, pending, clip, root, activation), pending.channels)

    def closing(self, root: str) -> str:
        """The node that the elementwise function of `root` ends in; `root` itself where there is none to be taken."""
        last = closing(self.graph, self.users, root, self.constants)
        return last if last in self._floats else root

    def function(self, root: str, last: str) -> Value:
        """A layer for the elementwise function from `root` to `last`."""
        value = self.values[root]
        layer = self.neuron(last, self.pending(root), root=root)
        self.inside.update(member.name for member in members(self.graph, root, last))
        self.values[last] = replace(value, held=layer)
        return self.values[last]

    def look_ahead(self, name: str) -> None:
        """Take in the elementwise function that all users of a node are part of; what several read becomes a layer."""
        if len(self.users[name]) < 2 or name not in self.values:
            return
        last = self.closing(name)
        inside = members(self.graph, name, last)
        names = {name, *(member.name for member in inside)}
        if any(bends(member, names) for member in inside):
            self.function(name, last)
        elif isinstance(self.values[name].held, Sum):
            self.layer_of(name)

    # ---- islands ----

    def _close(self, name: str) -> str:
        """Make the island that ends in a floating node: everything back to layers and constants."""
        if not self.is_map(name):
            raise VistreamError(
                f"layer {name} gives a tensor of the shape {list(self.shapes[name])}, no map [1, C, H, W]"
            )
        layer = self._island(name, [])
        self.floating.discard(name)
        self.values[name] = Value(layer, self.grid(name))
        return layer

    def _island(self, name: str, tail: list[Node], real: bool = False) -> str:
        """A layer for a node and the floating ones that it depends on, and the nodes of `tail` behind it."""
        needed, reads = {name}, []
        body: list[Node] = []
        for node in reversed(self.graph.nodes):
            if node.name not in needed:
                continue
            if node.name in self.constants:
                body.append(Node(node.name, "Constant", (), {}, {"value": self.constants[node.name]}))
            elif node.name in self.floating:
                body.append(node)
                needed.update(node.inputs)
            else:
                reads.append(node.name)
        heads = [head for read in reads for head in self._entry(read)]
        heads.sort(key=lambda node: node.op != "Input")
        sources = tuple(self.layer_of(read) for read in reads)
        nodes = (*heads, *reversed(body), *tail)
        piece = Graph(nodes, {"output": nodes[-1].name})
        channels = (1, *self.shapes[name])[-1 if tail else 2]
        return self.add(FloatIsland(self.free(name), name, sources, piece, channels, real), channels)

    def _entry(self, name: str) -> list[Node]:
        """How the map of a layer comes into an island: as it is, or as the view of it that the node's tensor is."""
        view = self.values[name].view
        if view is None:
            return [Node(name, "Input")]
        taken: dict[str, Any] = {"target": "aten.take.default", "arguments": [Operand(0), Weight("view")]}
        return [Node(f"{name}:map", "Input"), Node(name, "Call", (f"{name}:map",), taken, {"view": view})]

    # ---- outputs ----

    def _output(self, source: str) -> ProgramOutput:
        if source in self.constants:
            raise VistreamError(f"the output {source} does not depend on the frame: do not return it")
        if source in self.values and (self.values[source].view is None or self.is_vector(source)):
            layer = self.layer_of(source)
            shown = self.neuron(source, self.pending(source)) if self._shows_frame(layer) else layer
            return ProgramOutput(shown)
        shape = self.shapes[source]
        if len(shape) == 4 and shape[0] == 1:
            return ProgramOutput(self._island(source, [], real=True))
        axes = shape[1:] if shape[:1] == (1,) else shape  # a batch that comes later is an axis like others
        layer = self._island(source, _as_map(source, axes), real=True)
        self.views[layer] = torch.arange(math.prod(shape)).reshape((1, *axes)[-1], -1).t().reshape(shape)
        return ProgramOutput(layer, axes)

    def _shows_frame(self, name: str) -> bool:
        """Whether a layer holds nothing but pixels, whose levels do not stand for multiples of a scale."""
        layer = next(layer for layer in self.layers if layer.name == name)
        moves = isinstance(layer, FloatFixed) and any(self._shows_frame(source) for source in layer.sources)
        return isinstance(layer, FloatInput) or moves


def _as_map(name: str, shape: tuple[int, ...]) -> list[Node]:
    """The nodes that lay a tensor of any shape out as a map whose numbers, channels last, are in the same order."""
    *rows, columns, channels = (1, 1, 1, *shape)
    lying = [1, math.prod(rows), columns, channels]
    calls = (("reshape", lying), ("permute", [0, 3, 1, 2]))
    nodes = []
    for operator, numbers in calls:
        attributes = {"target": f"aten.{operator}.default", "arguments": [Operand(0), numbers]}
        nodes.append(Node(f"{name}.{operator}", "Call", (name,), attributes))
        name = nodes[-1].name
    return nodes
