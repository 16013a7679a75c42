"""What becomes a layer that knows no scale: pools, resizes, padding, concat, and whatever only moves numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from vistream.ir.evaluate import evaluate
from vistream.ir.node import Node
from vistream.ir.operations import (
    AveragePool,
    Bilinear,
    Concat,
    Corners,
    Edge,
    MaxPool,
    Nearest,
    Pad,
    PickChannels,
    PixelShuffle,
    PixelUnshuffle,
    Upsample,
)
from vistream.ir.target import Target
from vistream.ir.window import Window
from vistream.quantize.lower_sums import elementwise, padding
from vistream.quantize.lowering import Lowering, Value
from vistream.quantize.program import identity
from vistream.quantize.view import addresses, by_channel, channel_choice, normal

MOVES = frozenset({
    "reshape", "permute", "transpose", "t", "slice", "select", "squeeze", "unsqueeze", "expand", "split",
    "split_with_sizes", "chunk", "unbind", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "flip", "roll",
    "native_channel_shuffle", "reflection_pad2d", "replication_pad2d", "index_select", "index", "unfold", "repeat",
})  # fmt: skip


def _pooled(low: Lowering, node: Node, operation: Callable[[str, str, Window], Any], pads: Any) -> Value | None:
    if not low.is_map(node.inputs[0]):
        return None
    a = node.attributes
    window = Window(a["kernel"], a["strides"], a.get("dilations", (1, 1)), *padding(pads), ceil=a["ceil"])
    grid = low.grid(node.name)
    made = operation(low.free(node.name), low.settled(node.inputs[0]), window)
    return Value(low.fixed(node.name, made, grid[0]), grid)


def max_pool(low: Lowering, node: Node) -> Value | None:
    return _pooled(low, node, MaxPool, node.attributes["pads"])


def average_pool(low: Lowering, node: Node) -> Value | None:
    a = node.attributes
    if a["divisor"] is not None:
        return None
    counted = bool(a["count_include_pad"])
    value = _pooled(low, node, lambda name, source, window: AveragePool(name, source, window, counted), a["pads"] * 2)
    return None if value is None else replace(value, held=identity(str(value.held), value.grid[0]))


def resize(low: Lowering, node: Node) -> Value | None:
    if not low.is_map(node.inputs[0]):
        return None
    (_, _, height, width), a = low.shapes[node.inputs[0]], node.attributes
    channels, rows, columns = low.grid(node.name)
    factors = a.get("factor")
    exact = factors is None or (height * factors[0], width * factors[1]) == (rows, columns)
    if not exact:
        return None
    name, source = low.free(node.name), low.settled(node.inputs[0])
    if a["mode"] == "nearest" and factors is not None and all(float(f).is_integer() for f in factors):
        whole = Upsample(name, source, (int(factors[0]), int(factors[1])))
        return Value(low.fixed(node.name, whole, channels), (channels, rows, columns))
    target = Target(size=(rows, columns)) if factors is None else _times(factors)
    if a["mode"] == "nearest":
        return Value(low.fixed(node.name, Nearest(name, source, target), channels), (channels, rows, columns))
    corners = Corners.ALIGNED if a["align_corners"] else Corners.HALF_PIXEL
    layer = low.fixed(node.name, Bilinear(name, source, target, corners), channels)
    return Value(identity(layer, channels), (channels, rows, columns))


def _times(factors: tuple[float, float]) -> Target:
    rows, columns = (Fraction(factor).limit_denominator(64) for factor in factors)
    return Target(times=(rows.numerator, columns.numerator), by=(rows.denominator, columns.denominator))


def pad(low: Lowering, node: Node) -> Value | None:
    if node.attributes["value"] != 0.0 or not low.is_map(node.inputs[0]):
        return None
    top, left, bottom, right = node.attributes["pads"]
    pad = Pad(low.free(node.name), low.settled(node.inputs[0]), (top, left), (bottom, right))
    grid = low.grid(node.name)
    return Value(low.fixed(node.name, pad, grid[0]), grid)


def concat(low: Lowering, node: Node) -> Value | None:
    maps = node.attributes["axis"] == 1 and all(low.is_map(name) for name in node.inputs)
    vectors = node.attributes["axis"] == 1 and all(low.is_vector(name) for name in node.inputs)
    if not maps and not vectors:
        return None
    parts = tuple(low.settled(name) for name in node.inputs)
    grids = [low.values[name].grid for name in node.inputs]
    grid = (sum(part[0] for part in grids), *grids[0][1:])
    layer = low.fixed(node.name, Concat(low.free(node.name), parts), grid[0])
    return Value(layer, grid, by_channel(low.shapes[node.name], grid) if vectors else None)


def call(low: Lowering, node: Node) -> Value | None:
    """An operator that has no name here: taken where it is elementwise, or only moves numbers."""
    if len(node.inputs) == 1 and str(node.attributes["target"]).split(".")[1] in MOVES:
        value = low.values[node.inputs[0]]
        lying = addresses(value.grid) if value.view is None else value.view
        view = normal(evaluate(node, [lying.to(torch.float64)]).to(torch.int64), value.grid)
        return _placed(low, node, replace(value, view=view))
    return elementwise(low, node)


def _placed(low: Lowering, node: Node, value: Value) -> Value:
    """A moved tensor; a layer of its own where it is a map again that some operation of the network makes."""
    if value.view is None or value.view.dim() != 4 or value.view.shape[0] != 1:
        return value
    source, grid = low.settled(node.inputs[0]), value.grid
    name = low.free(node.name)
    chosen = channel_choice(value.view, grid)
    moved = PickChannels(name, source, chosen) if chosen is not None else _spatial(name, source, value, node)
    if moved is None:
        return value
    new = low.grid(node.name)
    return Value(low.fixed(node.name, moved, new[0]), new)


def _spatial(name: str, source: str, value: Value, node: Node) -> PixelShuffle | PixelUnshuffle | Pad | None:
    """The operation that moves positions as the view does, if there is one."""
    assert value.view is not None
    height, old_height = value.view.shape[2], value.grid[1]
    whole = addresses(value.grid).to(torch.float64)
    tries: list[tuple[PixelShuffle | PixelUnshuffle | Pad, Callable[[Tensor], Tensor]]] = []
    if height > old_height and height % old_height == 0:
        up = height // old_height
        tries.append((PixelShuffle(name, source, up), lambda x: torch.pixel_shuffle(x, up)))
    if height < old_height and old_height % height == 0:
        down = old_height // height
        tries.append((PixelUnshuffle(name, source, down), lambda x: torch.pixel_unshuffle(x, down)))
    padding = node.attributes["arguments"][-1]
    for operator, edge in (("reflection_pad2d", Edge.MIRRORED), ("replication_pad2d", Edge.REPEATED)):
        if operator in node.attributes["target"]:
            left, right, top, bottom = padding
            tries.append((Pad(name, source, (top, left), (bottom, right), edge), lambda x: value_of(node, x)))
    for operation, function in tries:
        try:
            moved = function(whole)
        except RuntimeError:
            continue
        if moved.shape == value.view.shape and torch.equal(moved.to(torch.int64), value.view):
            return operation
    return None


def value_of(node: Node, x: Tensor) -> Tensor:
    """What a node of one input makes of `x`."""
    return evaluate(node, [x])
