"""From the float graph to the float program: what folds into a neuron's sum, and what becomes a layer of its own.

Nodes are taken in order. What is linear stays a pending `Sum` (a convolution, and batch norms and additions behind
it) until something that is not linear reads it, or several nodes do; then it becomes a neuron layer. Every operation
has a function of its own in `LOWER`; where it finds nothing in the integer network that does the same it returns None,
and the node becomes part of an island, which is run in float as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from vistream.ir.evaluate import evaluate
from vistream.ir.graph import Graph
from vistream.ir.node import Node
from vistream.quantize.lower_maps import average_pool, call, concat, max_pool, pad, resize
from vistream.quantize.lower_sums import arithmetic, clip, convolution, elementwise, linear, mean, scale, transposed
from vistream.quantize.lowering import Lowering, Value
from vistream.quantize.program import FloatInput, Program
from vistream.quantize.rewrite import rewritten

FIRM = ("Conv", "ConvTranspose", "MaxPool", "AveragePool", "Resize", "Pad", "Concat")
"""Operations that take maps: an island before them ends, so that they can be streamed."""


GATED = ("Add", "Sub", "Mul")


def lower(graph: Graph) -> Program:
    """The float program of a graph; raises VistreamError, naming the node, for what cannot be taken."""
    lowering = Lowering(rewritten(graph))
    _fold(lowering)
    for node in lowering.graph.nodes:
        if node.name not in lowering.inside and node.name not in lowering.constants:
            _take(lowering, node)
    return lowering.finished()


def _fold(low: Lowering) -> None:
    """All constants, before any node looks ahead: those of a function that is spelt out may stand in its midst."""
    for node in low.graph.nodes:
        if node.op != "Input" and all(name in low.constants for name in node.inputs):
            low.constants[node.name] = evaluate(node, [low.constants[name] for name in node.inputs])


def _take(low: Lowering, node: Node) -> None:
    joins = node.op not in FIRM and any(name in low.floating for name in node.inputs)
    if joins and node.op in GATED and (gate := _gate(low, node)) is not None:
        low.layer_of(gate)
        joins = False
    value = None if joins else LOWER[node.op](low, node)
    if value is None:
        low.floating.add(node.name)
    else:
        low.values[node.name] = value
        low.look_ahead(node.name)


def _gate(low: Lowering, node: Node) -> str | None:
    """The floating one of two operands, where it is a map, and smaller than the other, which is no part of an island:
    the island ends there, instead of taking in all that is gated."""
    floating = [name for name in node.inputs if name in low.floating]
    others = [name for name in node.inputs if name in low.values and low.values[name].view is None]
    if len(floating) != 1 or len(others) != 1 or not low.is_map(floating[0]):
        return None
    small, large = (math.prod(low.shapes[name]) for name in (floating[0], others[0]))
    return floating[0] if small < large else None


def _input(low: Lowering, node: Node) -> Value:
    _, channels, height, width = low.graph.sample
    low.add(FloatInput(node.name, node.name, channels), channels)
    return Value(node.name, (channels, height, width))


LOWER: dict[str, Callable[[Lowering, Node], Value | None]] = {
    "Input": _input,
    "Conv": convolution,
    "ConvTranspose": transposed,
    "Linear": linear,
    "Scale": scale,
    **dict.fromkeys(("Add", "Sub", "Mul", "Div"), arithmetic),
    "Relu": clip,
    "Clip": clip,
    "PRelu": elementwise,
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "Mean": mean,
    "Resize": resize,
    "Pad": pad,
    "Concat": concat,
    "Call": call,
}
