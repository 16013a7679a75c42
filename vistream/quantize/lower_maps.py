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
    Operation,
    Pad,
    PickChannels,
    PixelShuffle,
    PixelUnshuffle,
    Slice,
    Upsample,
)
from vistream.ir.target import Target
from vistream.ir.window import Window
from vistream.quantize.lower_sums import elementwise, padding
from vistream.quantize.lowering import Lowering, Value
from vistream.quantize.program import identity
from vistream.quantize.view import Grid, addresses, by_channel, channel_choice, normal, seen

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
    made = operation(low.free(node.name), low.layer_of(node.inputs[0]), window)
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
    name, source = low.free(node.name), low.layer_of(node.inputs[0])
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
    pad = Pad(low.free(node.name), low.layer_of(node.inputs[0]), (top, left), (bottom, right))
    grid = low.grid(node.name)
    return Value(low.fixed(node.name, pad, grid[0]), grid)


def concat(low: Lowering, node: Node) -> Value | None:
    parts_of_one = _parts_of_one(low, node)
    if parts_of_one is not None:
        return parts_of_one
    maps = node.attributes["axis"] == 1 and all(low.is_map(name) for name in node.inputs)
    vectors = node.attributes["axis"] == 1 and all(low.is_vector(name) for name in node.inputs)
    if not maps and not vectors:
        return None
    parts = tuple(low.layer_of(name) for name in node.inputs)
    grids = [low.values[name].grid for name in node.inputs]
    grid = (sum(part[0] for part in grids), *grids[0][1:])
    layer = low.fixed(node.name, Concat(low.free(node.name), parts), grid[0])
    return Value(layer, grid, by_channel(low.shapes[node.name], grid) if vectors else None)


def _parts_of_one(low: Lowering, node: Node) -> Value | None:
    """Pieces of one layer side by side, such as YOLOX's four corners of every square of pixels: a moved tensor."""
    values = [low.values.get(name) for name in node.inputs]
    first = values[0]
    if first is None or first.view is None or not isinstance(first.held, str):
        return None
    views = [value.view for value in values if value is not None and value.held == first.held]
    pieces = [view for view in views if view is not None]
    if len(pieces) < len(values):
        return None
    view = normal(torch.cat(pieces, node.attributes["axis"]), first.grid)
    placed = _placed(low, node, replace(first, view=view))
    return placed if placed.view is None else None


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
    source, grid = low.layer_of(node.inputs[0]), value.grid
    name = low.free(node.name)
    chosen = channel_choice(value.view, grid)
    moved: Operation | None = _spatial(name, source, value, node) or _slice(name, source, value.view, grid)
    if chosen is not None:
        moved = PickChannels(name, source, chosen)
    new = low.grid(node.name)
    if moved is None and (blocks := _blocks(value.view, grid)) is not None:
        factor, order = blocks
        moved = PickChannels(name, _apart(low, source, factor, grid), order)
    if moved is None:
        return value
    return Value(low.fixed(node.name, moved, new[0]), new)


def _slice(name: str, source: str, view: Tensor, grid: Grid) -> Slice | None:
    """The even steps along both axes that the view takes; None where they are uneven, or do not end with the map."""
    _, _, rows, columns = view.shape
    lines = ((view[0, 0, :, 0] % (grid[1] * grid[2])) // grid[2], view[0, 0, 0] % grid[2])
    first = int(lines[0][0]), int(lines[1][0])
    step = tuple(int(line[1] - line[0]) if len(line) > 1 else 1 for line in lines)
    if min(step) < 1:
        return None
    ends = (first[0] + (rows - 1) * step[0], first[1] + (columns - 1) * step[1])
    whole = addresses(grid)[:, :, first[0] : ends[0] + 1 : step[0], first[1] : ends[1] + 1 : step[1]]
    if not torch.equal(whole, view):
        return None
    left = [grid[1 + axis] - 1 - ends[axis] for axis in (0, 1)]
    cut = tuple(over if over >= step[axis] else 0 for axis, over in enumerate(left))
    return Slice(name, source, first, (step[0], step[1]), (cut[0], cut[1]))


def _apart(low: Lowering, source: str, factor: int, grid: Grid) -> str:
    """A layer that lays the squares of another one out as channels: the same tensor, which lies differently."""
    name, channels = low.free(f"{source}.blocks"), grid[0] * factor**2
    lying = addresses((channels, grid[1] // factor, grid[2] // factor)).to(torch.float64)
    node = low.node_of(source)
    view = seen(low.values[node].view, torch.pixel_shuffle(lying, factor).to(torch.int64))
    return low.fixed(node, PixelUnshuffle(name, source, factor), channels, view)


def _blocks(view: Tensor, grid: Grid) -> tuple[int, tuple[int, ...]] | None:
    """The factor of a `PixelUnshuffle`, and which of its channels in which order, that give the view; or None."""
    factor = grid[1] // view.shape[2]
    if factor < 2 or (view.shape[2] * factor, view.shape[3] * factor) != grid[1:]:
        return None
    apart = torch.pixel_unshuffle(addresses(grid).to(torch.float64), factor).to(torch.int64)
    channels = {corner: channel for channel, corner in enumerate(apart[0, :, 0, 0].tolist())}
    order = [channels.get(corner, -1) for corner in view[0, :, 0, 0].tolist()]
    return (factor, tuple(order)) if -1 not in order and torch.equal(apart[:, order], view) else None


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
    for operator, edge in (("reflection_pad2d", Edge.MIRRORED), ("replication_pad2d", Edge.REPEATED)):
        if operator in str(node.attributes.get("target")):
            left, right, top, bottom = node.attributes["arguments"][-1]
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
