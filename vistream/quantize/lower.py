"""From the float graph to the float program: what folds into a neuron's sum, and what becomes a layer of its own.

Nodes are taken in order. What is linear stays a pending `Sum` (a convolution, and batch norms and additions behind
it) until something that is not linear reads it, or several nodes do; then it becomes a neuron layer. Every operation
has a method of its own in `LOWER`; what cannot be taken is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import torch
from torch import Tensor

from vistream.errors import VistreamError
from vistream.ir.window import Window
from vistream.quantize.graph import Graph, Node, evaluate
from vistream.quantize.pointwise import bends, closing, is_elementwise, members
from vistream.quantize.program import FloatInput, FloatLayer, FloatMove, FloatNeuron, Program, Sum, Term, identity
from vistream.quantize.rewrite import rewritten
from vistream.quantize.view import (
    Grid,
    View,
    addresses,
    by_channel,
    constant_by_channel,
    is_vector,
    lies_by_channel,
    normal,
    same_view,
)

INFINITY = float("inf")


class Refused(VistreamError):
    """An operation that the integer network cannot take: `what` it is, and the name of its `node`."""

    def __init__(self, node: str, what: str) -> None:
        super().__init__(f"the model uses {what} (layer {node}), which the integer network cannot take")
        self.node, self.what = node, what


@dataclass(frozen=True, eq=False)
class Value:
    """What a node gives: a layer's name, or a sum that is pending; the map's size; how its tensor lies over that."""

    held: str | Sum
    grid: Grid
    view: View = None


def lower(graph: Graph) -> Program:
    """The float program of a graph; raises VistreamError, naming the node, for what cannot be taken."""
    return _Lowering(rewritten(graph)).program()


class _Lowering:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.shapes = graph.shapes()
        self.users = graph.users()
        self.layers: list[FloatLayer] = []
        self.channels: dict[str, int] = {}
        self.constants: dict[str, Tensor] = {}
        self.values: dict[str, Value] = {}
        self._inside: set[str] = set()  # nodes that an elementwise function has taken in

    def program(self) -> Program:
        for node in self.graph.nodes:
            if node.name in self._inside:
                continue
            if node.op != "Input" and all(name in self.constants for name in node.inputs):
                self.constants[node.name] = evaluate(node, [self.constants[name] for name in node.inputs])
                continue
            value = LOWER[node.op](self, node) if node.op in LOWER else self.refuse(node, self.title(node))
            self.values[node.name] = value
            self._look_ahead(node)
        outputs = {name: self._output(source) for name, source in self.graph.outputs.items()}
        return Program(self.graph, tuple(self.layers), self.channels, outputs)

    def refuse(self, node: Node, what: str) -> NoReturn:
        raise Refused(node.name, what)

    def title(self, node: Node) -> str:
        return str(node.attributes["target"]) if node.op == "Call" else node.op

    # ---- values ----

    def add(self, layer: FloatLayer, channels: int) -> str:
        self.layers.append(layer)
        self.channels[layer.name] = channels
        return layer.name

    def value(self, node: Node, position: int = 0) -> Value:
        """The value of an input; raises VistreamError where it is a constant."""
        name = node.inputs[position]
        if name in self.constants:
            self.refuse(node, f"{self.title(node)} with a constant first input")
        return self.values[name]

    def settled(self, name: str) -> str:
        """The layer that holds a node's value."""
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

    def map_of(self, node: Node, position: int = 0) -> tuple[str, Grid]:
        """The layer that holds an input, which must be a map as it stands, and its size."""
        value = self.value(node, position)
        if value.view is not None:
            self.refuse(node, f"{self.title(node)} of a tensor that is not [1, C, H, W]")
        return self.settled(node.inputs[position]), value.grid

    def neuron(
        self,
        node: str,
        pending: Sum,
        clip: tuple[float, float] | None = None,
        root: str | None = None,
    ) -> str:
        title = next((term.title for term in pending.terms if term.title), node)
        name = title if title not in self.channels else f"{title}:{node}"
        activation = node if clip is not None or root is not None else ""
        return self.add(FloatNeuron(name, node, pending, clip, root, activation), pending.channels)

    def _look_ahead(self, node: Node) -> None:
        """Take in the elementwise function of this node that all its users are part of, or settle what several read."""
        value, users = self.values[node.name], self.users[node.name]
        if len(users) < 2:
            return
        last = closing(self.graph, self.users, node.name, self.constants)
        inside = members(self.graph, node.name, last)
        names = {node.name, *(member.name for member in inside)}
        if any(bends(member, names) for member in inside):
            self.function(node.name, last)
        elif isinstance(value.held, Sum):
            self.settled(node.name)

    def function(self, root: str, last: str) -> Value:
        """A layer for the elementwise function from `root` to `last`."""
        value = self.values[root]
        layer = self.neuron(last, self.pending(root), root=root)
        self._inside.update(member.name for member in members(self.graph, root, last))
        self.values[last] = replace(value, held=layer)
        return self.values[last]

    def _output(self, source: str) -> str:
        if source in self.constants:
            raise VistreamError(f"the output {source} does not depend on the frame")
        value = self.values[source]
        if value.view is not None and not is_vector(value.view, value.grid):
            self.refuse(self.graph.node(source), f"an output of the shape {list(self.shapes[source])}")
        layer = self.settled(source)
        return self.neuron(source, self.pending(source)) if self._shows_frame(layer) else layer

    def _shows_frame(self, name: str) -> bool:
        """Whether a layer holds nothing but pixels, whose levels do not stand for multiples of a scale."""
        layer = next(layer for layer in self.layers if layer.name == name)
        moves = isinstance(layer, FloatMove) and any(self._shows_frame(source) for source in layer.sources)
        return isinstance(layer, FloatInput) or moves

    # ---- operations ----

    def input(self, node: Node) -> Value:
        _, channels, height, width = self.graph.sample
        self.add(FloatInput(node.name, node.name, channels), channels)
        return Value(node.name, (channels, height, width))

    def weighted(
        self, node: Node, source: str, weight: Tensor, bias: Tensor | None, window: Window, groups: int
    ) -> Sum:
        """The sum of one convolution."""
        outputs, inputs = len(weight), weight.shape[1] * groups
        if inputs != self.channels[source]:
            self.refuse(node, f"{inputs} inputs where {self.channels[source]} channels arrive")
        term = Term(source, weight, torch.ones(outputs, dtype=torch.float32), window, groups, node.name)
        return Sum((term,), torch.zeros(outputs, dtype=torch.float32) if bias is None else bias)

    def convolution(self, node: Node) -> Value:
        source, _ = self.map_of(node)
        a, weight = node.attributes, node.weights["weight"]
        kernel = (weight.shape[2], weight.shape[3])
        window = Window(kernel, a["strides"], a["dilations"], *_padding(a["pads"]))
        pending = self.weighted(node, source, weight, node.weights.get("bias"), window, a["group"])
        return Value(pending, self.grid(node))

    def grid(self, node: Node) -> Grid:
        """The size of a node's map."""
        _, channels, height, width = self.shapes[node.name]
        return channels, height, width

    def linear(self, node: Node) -> Value:
        value, (outputs, inputs) = self.value(node), node.weights["weight"].shape
        shape, bias = self.shapes[node.name], node.weights.get("bias")
        if lies_by_channel(value.view, value.grid):
            weight, window = node.weights["weight"][:, :, None, None], Window()
            grid = (outputs, *value.grid[1:])
            view = by_channel(shape, grid)
        elif value.view is not None and value.view.numel() == inputs == len(set(value.view.reshape(-1).tolist())):
            whole = torch.zeros(outputs, value.grid[0] * value.grid[1] * value.grid[2])
            whole[:, value.view.reshape(-1)] = node.weights["weight"]
            weight, window = whole.reshape(outputs, *value.grid), Window(value.grid[1:])
            grid = (outputs, 1, 1)
            view = by_channel(shape, grid)
        else:
            self.refuse(node, "a linear layer over an axis that is not the channels")
        source = self.settled(node.inputs[0])
        return Value(self.weighted(node, source, weight, bias, window, 1), grid, view)

    def scale(self, node: Node) -> Value:
        value = self.value(node)
        if value.view is not None and not is_vector(value.view, value.grid):
            self.refuse(node, "a batch norm of a tensor that is not [1, C, H, W]")
        return replace(value, held=self.pending(node.inputs[0]).scaled(node.weights["gain"], node.weights["shift"]))

    def arithmetic(self, node: Node) -> Value:
        """Addition, subtraction, and multiplication by a constant stay pending."""
        constants = [name for name in node.inputs if name in self.constants]
        if constants:
            return self._with_constant(node, self.constants[constants[0]])
        if node.op in ("Mul", "Div"):
            self.refuse(node, f"{node.op} of two maps")
        (left, right), values = node.inputs, [self.values[name] for name in node.inputs]
        if values[0].grid != values[1].grid or not same_view(values[0].view, values[1].view):
            self.refuse(node, f"{node.op} of tensors of different shapes")
        second = self.pending(right)
        if node.op == "Sub":
            minus = -torch.ones(second.channels, dtype=torch.float32)
            second = second.scaled(minus, torch.zeros_like(minus))
        return replace(values[0], held=self.pending(left).plus(second))

    def _with_constant(self, node: Node, constant: Tensor) -> Value:
        first = node.inputs[0] not in self.constants
        name = node.inputs[0 if first else 1]
        value = self.values[name]
        numbers = constant_by_channel(constant, self.shapes[node.name], value.view, value.grid)
        if numbers is None or self.shapes[node.name] != self.shapes[name]:
            self.refuse(node, f"{node.op} with a constant that varies over the map")
        one, zero = torch.ones_like(numbers), torch.zeros_like(numbers)
        if node.op == "Div" and not first:
            if is_elementwise(node, {name}, self.constants):
                return self.function(name, closing(self.graph, self.users, name, self.constants))
            self.refuse(node, "division of a constant by a map")
        gain, shift = {
            "Add": (one, numbers),
            "Sub": (one, -numbers) if first else (-one, numbers),
            "Mul": (numbers, zero),
            "Div": (one / numbers, zero),
        }[node.op]
        return replace(value, held=self.pending(name).scaled(gain, shift))

    def clip(self, node: Node) -> Value:
        bounds = (0.0, INFINITY) if node.op == "Relu" else (node.attributes["min"], node.attributes["max"])
        if not bounds[0] <= 0.0 <= bounds[1]:
            return self.call(node)
        value = self.value(node)
        return replace(value, held=self.neuron(node.name, self.pending(node.inputs[0]), clip=bounds))

    def call(self, node: Node) -> Value:
        """An operator that has no name here: taken where it is elementwise, or only moves numbers."""
        sources = [name for name in node.inputs if name not in self.constants]
        if is_elementwise(node, set(sources[:1]), self.constants):
            return self.function(sources[0], closing(self.graph, self.users, sources[0], self.constants))
        if _moves(node) and len(node.inputs) == 1:
            value = self.values[sources[0]]
            lying = addresses(value.grid) if value.view is None else value.view
            view = evaluate(node, [lying.to(torch.float64)]).to(torch.int64)
            return replace(value, view=normal(view, value.grid))
        return self.refuse(node, self.title(node))

    def max_pool(self, node: Node) -> Value:
        source, _ = self.map_of(node)
        a = node.attributes
        if a["ceil"]:
            self.refuse(node, "max-pool with ceil_mode")
        window = Window(a["kernel"], a["strides"], a["dilations"], *_padding(a["pads"]))
        return self._moved(node, FloatMove(node.name, node.name, (source,), window))

    def _moved(self, node: Node, layer: FloatMove) -> Value:
        grid = self.grid(node)
        return Value(self.add(layer, grid[0]), grid)

    def average_pool(self, node: Node) -> Value:
        a = node.attributes
        counted = a["pads"] == (0, 0) or a["count_include_pad"]
        if not counted or a["ceil"] or a["divisor"]:
            self.refuse(node, "average-pool with ceil_mode, divisor_override or uncounted padding")
        source, (channels, _, _) = self.map_of(node)
        rows, columns = a["kernel"]
        weight = torch.full((channels, 1, rows, columns), 1.0 / (rows * columns), dtype=torch.float32)
        window = Window(a["kernel"], a["strides"], (1, 1), a["pads"])
        term = Term(source, weight, torch.ones(channels, dtype=torch.float32), window, channels)
        return Value(Sum((term,), torch.zeros(channels, dtype=torch.float32)), self.grid(node))

    def mean(self, node: Node) -> Value:
        source, (channels, _, _) = self.map_of(node)
        one, zero = torch.ones(channels, dtype=torch.float32), torch.zeros(channels, dtype=torch.float32)
        grid = (channels, 1, 1)
        return Value(Sum((Term(source, None, one, None),), zero), grid, by_channel(self.shapes[node.name], grid))

    def resize(self, node: Node) -> Value:
        source, (_, height, width) = self.map_of(node)
        _, rows, columns = self.grid(node)
        if node.attributes["mode"] != "nearest" or rows % height or columns % width:
            self.refuse(node, "up-sampling other than nearest by a whole factor")
        return self._moved(node, FloatMove(node.name, node.name, (source,), factor=(rows // height, columns // width)))

    def concat(self, node: Node) -> Value:
        if node.attributes["axis"] != 1 or any(name in self.constants for name in node.inputs):
            self.refuse(node, "concat of constants, or along another axis than the channels")
        names = tuple(self.map_of(node, position)[0] for position in range(len(node.inputs)))
        return self._moved(node, FloatMove(node.name, node.name, names))


def _padding(pads: tuple[int, int, int, int] | None) -> tuple[Any, Any]:
    """`Window`'s `padding` and `after`."""
    if pads is None:
        return None, None
    before, after = pads[:2], pads[2:]
    return before, None if before == after else after


MOVES = frozenset({
    "reshape", "permute", "transpose", "t", "slice", "select", "squeeze", "unsqueeze", "expand", "split",
    "split_with_sizes", "chunk", "unbind", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "flip", "roll",
    "native_channel_shuffle", "reflection_pad2d", "replication_pad2d", "index_select", "index", "unfold", "repeat",
})  # fmt: skip


def _moves(node: Node) -> bool:
    """Whether a call only moves numbers about."""
    return str(node.attributes["target"]).split(".")[1] in MOVES


LOWER: dict[str, Callable[[_Lowering, Node], Value]] = {
    "Input": _Lowering.input,
    "Conv": _Lowering.convolution,
    "Linear": _Lowering.linear,
    "Scale": _Lowering.scale,
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), _Lowering.arithmetic),
    "Relu": _Lowering.clip,
    "Clip": _Lowering.clip,
    "PRelu": _Lowering.call,
    "MaxPool": _Lowering.max_pool,
    "AveragePool": _Lowering.average_pool,
    "Mean": _Lowering.mean,
    "Resize": _Lowering.resize,
    "Concat": _Lowering.concat,
    "Call": _Lowering.call,
}
