"""The operations of ONNX that move numbers about, or compute with shapes, in torch: see `onnx_operators`."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from vistream.models.onnx_file import Node
from vistream.quantize.onnx_attributes import (
    Inputs,
    Unsupported,
    axes_of,
    constant,
    integer,
    integers,
    optional,
    required,
    string,
)
from vistream.quantize.onnx_rewrite import FOCUS


def _reshape(node: Node, inputs: Inputs) -> Tensor:
    x, shape = required(inputs, 0), [int(side) for side in required(inputs, 1).tolist()]
    if not integer(node, "allowzero", 0):
        shape = [x.shape[axis] if side == 0 else side for axis, side in enumerate(shape)]
    return x.reshape(shape)


def _flatten(node: Node, inputs: Inputs) -> Tensor:
    x, axis = required(inputs, 0), integer(node, "axis", 1)
    return x.reshape(math.prod(x.shape[: axis if axis >= 0 else axis + x.dim()]), -1)


def _transpose(node: Node, inputs: Inputs) -> Tensor:
    x = required(inputs, 0)
    return x.permute(integers(node, "perm", list(range(x.dim()))[::-1]))


def _squeeze(node: Node, inputs: Inputs) -> Tensor:
    x = required(inputs, 0)
    axes = axes_of(node, inputs, x.dim()) or [axis for axis, side in enumerate(x.shape) if side == 1]
    return x.reshape([side for axis, side in enumerate(x.shape) if axis not in axes])


def _unsqueeze(node: Node, inputs: Inputs) -> Tensor:
    x, given = required(inputs, 0), optional(inputs, 1)
    axes = given.tolist() if given is not None else integers(node, "axes", [])
    rank = x.dim() + len(axes)
    places, sides = {int(axis) % rank for axis in axes}, iter(x.shape)
    return x.reshape([1 if axis in places else next(sides) for axis in range(rank)])


def _slice(node: Node, inputs: Inputs) -> Tensor:
    x = required(inputs, 0)
    if len(inputs) > 1:
        starts, ends = (required(inputs, position).tolist() for position in (1, 2))
        given = [optional(inputs, position) for position in (3, 4)]
        axes, steps = (None if value is None else value.tolist() for value in given)
    else:
        starts, ends = integers(node, "starts", []), integers(node, "ends", [])
        axes, steps = integers(node, "axes", []) or None, None
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        axis, step = axes[number] if axes else number, steps[number] if steps else 1
        chosen = range(*slice(start, end, step).indices(x.shape[axis]))
        if step < 1:
            x = x.index_select(axis, torch.tensor(chosen, dtype=torch.int64))
            continue
        x = x.narrow(axis, chosen.start, max(chosen.stop - chosen.start, 0)) if chosen else x.narrow(axis, 0, 0)
        x = x[(slice(None),) * (axis % x.dim()) + (slice(None, None, step),)] if step > 1 else x
    return x


def _split(node: Node, inputs: Inputs) -> tuple[Tensor, ...]:
    x, given = required(inputs, 0), optional(inputs, 1)
    axis, parts = integer(node, "axis", 0), len(node.outputs)
    sizes = [int(size) for size in given.tolist()] if given is not None else integers(node, "split", [])
    each = -(-x.shape[axis] // parts)
    even = [max(min(each, x.shape[axis] - each * part), 0) for part in range(parts)]
    return torch.split(x, sizes or even, axis)


def _gather(node: Node, inputs: Inputs) -> Tensor:
    x, index = required(inputs, 0), required(inputs, 1).to(torch.int64)
    axis = integer(node, "axis", 0) % x.dim()
    index = torch.where(index < 0, index + x.shape[axis], index)
    found = x.index_select(axis, index.reshape(-1))
    return found.reshape([*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]])


def _expand(node: Node, inputs: Inputs) -> Tensor:
    """To a shape that may have sides of 1 where the tensor has more: both are spread."""
    x, shape = required(inputs, 0), [int(side) for side in required(inputs, 1).tolist()]
    sides = [1] * (len(shape) - x.dim()) + list(x.shape)
    wanted = [1] * (x.dim() - len(shape)) + shape
    return x.expand([max(side, want) for side, want in zip(sides, wanted, strict=True)])


def _depth_to_space(node: Node, inputs: Inputs) -> Tensor:
    x, block = required(inputs, 0), integer(node, "blocksize", 1)
    if string(node, "mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, block)
    batch, channels, rows, columns = x.shape
    apart = x.reshape(batch, block * block, channels // block**2, rows, columns).permute(0, 2, 1, 3, 4)
    return F.pixel_shuffle(apart.reshape(x.shape), block)


def _space_to_depth(node: Node, inputs: Inputs) -> Tensor:
    x, block = required(inputs, 0), integer(node, "blocksize", 1)
    batch, channels, rows, columns = x.shape
    apart = F.pixel_unshuffle(x, block).reshape(batch, channels, block * block, rows // block, columns // block)
    return apart.permute(0, 2, 1, 3, 4).reshape(batch, channels * block**2, rows // block, columns // block)


def _focus(node: Node, inputs: Inputs) -> Tensor:
    """See `onnx_rewrite.FOCUS`."""
    x, corners = required(inputs, 0), integers(node, "corners", [])
    apart = F.pixel_unshuffle(x, 2)
    order = [
        4 * channel + 2 * row + column
        for row, column in zip(corners[::2], corners[1::2], strict=True)
        for channel in range(x.shape[1])
    ]
    return apart.index_select(1, torch.tensor(order))


def _concat(node: Node, inputs: Inputs) -> Tensor:
    return torch.cat([required(inputs, position) for position in range(len(inputs))], integer(node, "axis", 0))


def _constant_of_shape(node: Node, inputs: Inputs) -> Tensor:
    value = constant(node, "value")
    filler = torch.zeros(1) if value is None else value
    return filler.reshape(-1)[:1].expand([int(side) for side in required(inputs, 0).tolist()]).clone()


def _constant(node: Node, inputs: Inputs) -> Tensor:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        value = constant(node, name)
        if value is not None:
            return value
    raise Unsupported("a constant of this kind")


def _shape(node: Node, inputs: Inputs) -> Tensor:
    shape = list(required(inputs, 0).shape)
    return torch.tensor(shape[integer(node, "start", 0) : integer(node, "end", len(shape))], dtype=torch.int64)


MOVES: dict[str, Callable[[Node, Inputs], Tensor | tuple[Tensor, ...]]] = {
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "Expand": _expand,
    "Tile": lambda node, inputs: required(inputs, 0).repeat([int(times) for times in required(inputs, 1).tolist()]),
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "Concat": _concat,
    FOCUS: _focus,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Range": lambda node, inputs: torch.arange(*(required(inputs, position).item() for position in range(3))),
    "Shape": _shape,
}
