"""What stays a pending sum: convolutions, linear layers, batch norms, means, additions, products with constants."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from vistream.ir.node import Node
from vistream.ir.operations import Nearest, Product
from vistream.ir.target import Target
from vistream.ir.window import Window
from vistream.quantize.lowering import Lowering, Value
from vistream.quantize.pointwise import is_elementwise
from vistream.quantize.program import FloatTransposed, Sum, Term, identity
from vistream.quantize.view import by_channel, constant_by_channel, is_vector, lies_by_channel, same_view

INFINITY = float("inf")


def _weighted(node: Node, source: str, weight: Tensor, window: Window, groups: int = 1) -> Sum:
    """The sum of one convolution."""
    bias = node.weights.get("bias")
    one, zero = torch.ones(len(weight), dtype=torch.float32), torch.zeros(len(weight), dtype=torch.float32)
    return Sum((Term(source, weight, one, window, groups, node.name),), zero if bias is None else bias)


def convolution(low: Lowering, node: Node) -> Value | None:
    if not low.is_map(node.inputs[0]):
        return None
    a, weight = node.attributes, node.weights["weight"]
    window = Window((weight.shape[2], weight.shape[3]), a["strides"], a["dilations"], *padding(a["pads"]))
    return Value(_weighted(node, low.layer_of(node.inputs[0]), weight, window, a["group"]), low.grid(node.name))


def transposed(low: Lowering, node: Node) -> Value | None:
    if not low.is_map(node.inputs[0]):
        return None
    a, weight, groups = node.attributes, node.weights["weight"], node.attributes["group"]
    inputs, per_group, rows, columns = weight.shape
    weight = weight.reshape(groups, inputs // groups, per_group, rows, columns).transpose(1, 2)
    weight = weight.reshape(groups * per_group, inputs // groups, rows, columns)
    after = tuple(pad - extra for pad, extra in zip(a["pads"], a["output_padding"], strict=True))
    name, source = low.free(node.name), low.layer_of(node.inputs[0])
    layer = FloatTransposed(
        name, node.name, source, weight, a["strides"], a["pads"], (after[0], after[1]), a["dilations"], groups
    )
    return Value(identity(low.add(layer, len(weight)), len(weight)), low.grid(node.name))


def linear(low: Lowering, node: Node) -> Value | None:
    value, weight = low.values[node.inputs[0]], node.weights["weight"]
    outputs, inputs = weight.shape
    if lies_by_channel(value.view, value.grid):
        kernel, window, grid = weight[:, :, None, None], Window(), (outputs, *value.grid[1:])
    elif value.view is not None and value.view.numel() == inputs == len(set(value.view.reshape(-1).tolist())):
        whole = torch.zeros(outputs, value.grid[0] * value.grid[1] * value.grid[2], dtype=torch.float32)
        whole[:, value.view.reshape(-1)] = weight
        kernel, window, grid = whole.reshape(outputs, *value.grid), Window(value.grid[1:]), (outputs, 1, 1)
    else:
        return None
    view = by_channel(low.shapes[node.name], grid)
    return Value(_weighted(node, low.layer_of(node.inputs[0]), kernel, window), grid, view)


def scale(low: Lowering, node: Node) -> Value | None:
    value = low.values[node.inputs[0]]
    if value.view is not None and not is_vector(value.view, value.grid):
        return None
    return replace(value, held=low.pending(node.inputs[0]).scaled(node.weights["gain"], node.weights["shift"]))


def mean(low: Lowering, node: Node) -> Value | None:
    if not low.is_map(node.inputs[0]):
        return None
    channels = low.values[node.inputs[0]].grid[0]
    pending = identity(low.layer_of(node.inputs[0]), channels)
    grid = (channels, 1, 1)
    averaged = replace(pending, terms=(replace(pending.terms[0], window=None),))
    return Value(averaged, grid, by_channel(low.shapes[node.name], grid))


# ---- arithmetic ----


def arithmetic(low: Lowering, node: Node) -> Value | None:
    """Addition, subtraction, and multiplication by a constant stay pending."""
    if any(name in low.constants for name in node.inputs):
        return _with_constant(low, node)
    if node.op == "Mul":
        return _product(low, node)
    if node.op == "Div":
        return None
    sums = _aligned(low, node)
    if sums is None:
        return None
    left, right = sums
    if node.op == "Sub":
        minus = torch.full((right.channels,), -1.0, dtype=torch.float32)
        right = right.scaled(minus, torch.zeros_like(minus))
    widest = max((low.values[name] for name in node.inputs), key=lambda value: torch.Size(value.grid).numel())
    return replace(widest, held=left.plus(right))


def _aligned(low: Lowering, node: Node) -> tuple[Sum, Sum] | None:
    """Both operands as sums over one grid: one channel is repeated, one position is spread."""
    values = [low.values[name] for name in node.inputs]
    if values[0].grid == values[1].grid and same_view(values[0].view, values[1].view):
        return low.pending(node.inputs[0]), low.pending(node.inputs[1])
    grid = tuple(max(pair) for pair in zip(values[0].grid, values[1].grid, strict=True))
    if any(value.view is not None for value in values):
        return None
    found = []
    for name, value in zip(node.inputs, values, strict=True):
        if value.grid[0] not in (1, grid[0]) or value.grid[1:] not in ((1, 1), grid[1:]):
            return None
        pending = low.pending(name)
        if value.grid[1:] != grid[1:]:
            other = next(other for other in node.inputs if low.values[other].grid[1:] == grid[1:])
            spread = Nearest(low.free(f"{node.name}.spread"), low.layer_of(name), Target(), like=low.layer_of(other))
            pending = identity(low.fixed(name, spread, value.grid[0]), value.grid[0])
        found.append(pending if value.grid[0] == grid[0] else _repeated(pending, grid[0]))
    return found[0], found[1]


def _repeated(pending: Sum, channels: int) -> Sum:
    """A sum of one channel, for all of several."""
    terms = []
    for term in pending.terms:
        weight = torch.ones(1, 1, 1, 1, dtype=torch.float32) if term.weight is None else term.weight
        terms.append(replace(term, weight=weight.repeat(channels, 1, 1, 1), gain=term.gain.repeat(channels)))
    return Sum(tuple(terms), pending.bias.repeat(channels))


def _with_constant(low: Lowering, node: Node) -> Value | None:
    first = node.inputs[0] not in low.constants
    name, other = node.inputs if first else node.inputs[::-1]
    value = low.values[name]
    numbers = constant_by_channel(low.constants[other], low.shapes[node.name], value.view, value.grid)
    if numbers is None or low.shapes[node.name] != low.shapes[name]:
        return None
    if node.op == "Div" and not first:
        return elementwise(low, node)
    one, zero = torch.ones_like(numbers), torch.zeros_like(numbers)
    gain, shift = {
        "Add": (one, numbers),
        "Sub": (one, -numbers) if first else (-one, numbers),
        "Mul": (numbers, zero),
        "Div": (one / numbers, zero),
    }[node.op]
    return replace(value, held=low.pending(name).scaled(gain, shift))


def _product(low: Lowering, node: Node) -> Value | None:
    """Two maps of one size, or a map and a gate: of one position, or of one channel."""
    left, right = sorted(node.inputs, key=lambda name: -torch.Size(low.values[name].grid).numel())
    a, b = low.values[left], low.values[right]
    alike = a.grid == b.grid and same_view(a.view, b.view)
    gates = a.view is None and b.view is None and b.grid[0] in (1, a.grid[0]) and b.grid[1:] in ((1, 1), a.grid[1:])
    if not alike and not gates:
        return None
    product = Product(low.free(node.name), low.layer_of(left), low.layer_of(right))
    return replace(a, held=identity(low.fixed(node.name, product, a.grid[0], a.view), a.grid[0]))


# ---- elementwise functions ----


def clip(low: Lowering, node: Node) -> Value | None:
    bounds = (0.0, INFINITY) if node.op == "Relu" else (node.attributes["min"], node.attributes["max"])
    if not bounds[0] <= 0.0 <= bounds[1]:
        return elementwise(low, node)
    layer = low.neuron(node.name, low.pending(node.inputs[0]), clip=bounds)
    return replace(low.values[node.inputs[0]], held=layer)


def elementwise(low: Lowering, node: Node) -> Value | None:
    source = next(name for name in node.inputs if name not in low.constants)
    if not is_elementwise(node, {source}, low.constants):
        return None
    last = low.closing(source)
    return None if last == source else low.function(source, last)


def padding(pads: tuple[int, int, int, int] | None) -> tuple[Any, Any]:
    """`Window`'s `padding` and `after`."""
    if pads is None:
        return None, None
    before, after = pads[:2], pads[2:]
    return before, None if before == after else after
