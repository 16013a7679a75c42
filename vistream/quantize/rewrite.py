"""Rewriting the float graph before it is lowered: the same function in operations that the integer network has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from vistream.ir.graph import Graph, pruned
from vistream.ir.node import Node

LOWEST = -1e30
"""What no value of a network goes below: padding with it, or less, is padding that is never the largest."""
ARITHMETIC = ("Add", "Sub", "Mul", "Div")


def rewritten(graph: Graph) -> Graph:
    """The same function: zeros inside the convolutions behind them, PReLU as a sum, some biases apart, and nothing
    expanded that arithmetic broadcasts by itself."""
    graph = _unexpanded(graph)
    nodes: list[Node] = []
    before: dict[str, Node] = {}
    for node in graph.nodes:
        for new in REWRITES.get(node.op, _kept)(node, before):
            nodes.append(new)
            before[new.name] = new
    return pruned(replace(graph, nodes=tuple(nodes)))


def _unexpanded(graph: Graph) -> Graph:
    """A gate `[1, C, 1, 1]` that is expanded to the size of the map it is multiplied with stays a gate."""
    sources = {node.name: node.inputs[0] for node in graph.nodes if _expands(node)}
    if not sources:
        return graph
    shapes = {name: shape for name, (shape, _) in graph.kinds().items()}

    def plain(node: Node) -> Node:
        inputs = list(node.inputs)
        for place, name in enumerate(node.inputs if node.op in ARITHMETIC else ()):
            source, whole = sources.get(name), shapes[node.name]
            if source and shapes[inputs[1 - place]] == whole and len(shapes[source]) == len(whole):
                inputs[place] = source
        return replace(node, inputs=tuple(inputs))

    return replace(graph, nodes=tuple(plain(node) for node in graph.nodes))


def _expands(node: Node) -> bool:
    return node.op == "Call" and str(node.attributes["target"]).startswith("aten.expand.")


def _kept(node: Node, before: dict[str, Node]) -> list[Node]:
    return [node]


def _convolution(node: Node, before: dict[str, Node]) -> list[Node]:
    """Zeros that a layer of its own puts around a map belong to the convolution that reads it."""
    pad = before[node.inputs[0]]
    pads = node.attributes["pads"]
    if pads is None or pad.op != "Pad" or pad.attributes["value"] != 0.0 or min(pad.attributes["pads"]) < 0:
        return [node]
    together = tuple(a + b for a, b in zip(pads, pad.attributes["pads"], strict=True))
    return [replace(node, inputs=pad.inputs, attributes={**node.attributes, "pads": together})]


def _max_pool(node: Node, before: dict[str, Node]) -> list[Node]:
    """Padding that never wins belongs to the maximum behind it: frameworks write that where theirs is uneven."""
    pad = before[node.inputs[0]]
    if (
        pad.op != "Pad"
        or pad.attributes["value"] > LOWEST
        or min(pad.attributes["pads"]) < 0
        or node.attributes["ceil"]
    ):
        return [node]
    together = tuple(a + b for a, b in zip(node.attributes["pads"], pad.attributes["pads"], strict=True))
    return [replace(node, inputs=pad.inputs, attributes={**node.attributes, "pads": together})]


def _prelu(node: Node, before: dict[str, Node]) -> list[Node]:
    """`slope * x + (1 - slope) * relu(x)`, where channels have slopes of their own."""
    slope = node.weights["slope"]
    if slope.numel() == 1:
        return [node]
    x, zero = node.inputs[0], torch.zeros_like(slope)
    rectified, below, above = (f"{node.name}.{part}" for part in ("relu", "below", "above"))
    return [
        Node(rectified, "Relu", (x,)),
        Node(below, "Scale", (x,), {}, {"gain": slope, "shift": zero}),
        Node(above, "Scale", (rectified,), {}, {"gain": 1.0 - slope, "shift": zero}),
        Node(node.name, "Add", (below, above)),
    ]


def _transposed(node: Node, before: dict[str, Node]) -> list[Node]:
    """The bias is added behind it, where it folds into the neurons."""
    bias = node.weights.get("bias")
    if bias is None:
        return [node]
    bare = Node(f"{node.name}.sum", node.op, node.inputs, node.attributes, {"weight": node.weights["weight"]})
    return [bare, Node(node.name, "Scale", (bare.name,), {}, {"gain": torch.ones_like(bias), "shift": bias})]


REWRITES: dict[str, Callable[[Node, dict[str, Node]], list[Node]]] = {
    "Conv": _convolution,
    "ConvTranspose": _transposed,
    "MaxPool": _max_pool,
    "PRelu": _prelu,
}
