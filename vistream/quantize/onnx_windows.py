"""The operations of ONNX that slide windows over maps, or pad them, in torch: see `onnx_operators`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor

from vistream.ir.same import same_padding
from vistream.models.onnx_file import Node
from vistream.quantize.onnx_attributes import (
    Inputs,
    Unsupported,
    check_map,
    decimal,
    integer,
    integers,
    optional,
    required,
    string,
)
from vistream.quantize.onnx_resize import resize


def _pads(node: Node, x: Tensor, kernel: Sequence[int]) -> list[int]:
    """Top, left, bottom, right."""
    strides, dilations = integers(node, "strides", [1, 1]), integers(node, "dilations", [1, 1])
    auto = string(node, "auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        axes = zip(x.shape[-2:], kernel, strides, dilations, strict=True)
        (top, bottom), (left, right) = (same_padding(*axis) for axis in axes)
        return [top, left, bottom, right] if auto == "SAME_UPPER" else [bottom, right, top, left]
    return [0, 0, 0, 0] if auto == "VALID" else integers(node, "pads", [0, 0, 0, 0])


def _padded(x: Tensor, pads: Sequence[int], value: float) -> tuple[Tensor, tuple[int, int]]:
    """The map, and the even padding that is left to the operator: padded here where it is uneven."""
    top, left, bottom, right = pads
    if (top, left) == (bottom, right):
        return x, (top, left)
    return F.pad(x, (left, right, top, bottom), value=value), (0, 0)


def _conv(node: Node, inputs: Inputs) -> Tensor:
    x, weight = required(inputs, 0), required(inputs, 1)
    check_map(x)
    x, padding = _padded(x, _pads(node, x, weight.shape[2:]), 0.0)
    strides, dilations = integers(node, "strides", [1, 1]), integers(node, "dilations", [1, 1])
    return F.conv2d(x, weight, optional(inputs, 2), strides, padding, dilations, integer(node, "group", 1))


def _conv_transpose(node: Node, inputs: Inputs) -> Tensor:
    x, weight = required(inputs, 0), required(inputs, 1)
    check_map(x)
    top, left, bottom, right = integers(node, "pads", [0, 0, 0, 0])
    told = string(node, "auto_pad", "NOTSET") == "NOTSET" and not integers(node, "output_shape", [])
    if (top, left) != (bottom, right) or not told:
        raise Unsupported("padding that is uneven, or follows from a wanted shape")
    strides, dilations = integers(node, "strides", [1, 1]), integers(node, "dilations", [1, 1])
    extra = integers(node, "output_padding", [0, 0])
    group = integer(node, "group", 1)
    return F.conv_transpose2d(x, weight, optional(inputs, 2), strides, (top, left), extra, group, dilations)


def _max_pool(node: Node, inputs: Inputs) -> Tensor:
    x, kernel = required(inputs, 0), integers(node, "kernel_shape", [])
    check_map(x)
    pads, ceil = _pads(node, x, kernel), bool(integer(node, "ceil_mode", 0))
    if ceil and pads[:2] != pads[2:]:
        raise Unsupported("uneven padding with ceil_mode")
    x, padding = _padded(x, pads, -math.inf)
    strides, dilations = integers(node, "strides", [1, 1]), integers(node, "dilations", [1, 1])
    return F.max_pool2d(x, kernel, strides, padding, dilations, ceil)


def _average_pool(node: Node, inputs: Inputs) -> Tensor:
    x, kernel = required(inputs, 0), integers(node, "kernel_shape", [])
    check_map(x)
    pads, counted = _pads(node, x, kernel), bool(integer(node, "count_include_pad", 0))
    if pads[:2] != pads[2:] and not counted:
        raise Unsupported("uneven padding that does not count")
    if set(integers(node, "dilations", [])) - {1}:
        raise Unsupported("means of a dilated window")
    x, padding = _padded(x, pads, 0.0)
    return F.avg_pool2d(
        x, kernel, integers(node, "strides", [1, 1]), padding, bool(integer(node, "ceil_mode", 0)), counted
    )


def _pad(node: Node, inputs: Inputs) -> Tensor:
    x, mode = required(inputs, 0), string(node, "mode", "constant")
    given, value = optional(inputs, 1), optional(inputs, 2)
    pads = given.tolist() if given is not None else integers(node, "pads", [])
    rank, axes = x.dim(), optional(inputs, 3)
    if axes is not None and axes.tolist() != list(range(rank)):
        raise Unsupported("padding of axes that are named")
    if len(pads) != 2 * rank or mode not in ("constant", "reflect", "edge"):
        raise Unsupported(f"{mode} padding of some axes")
    pairs = [(pads[axis], pads[axis + rank]) for axis in range(rank)]
    while len(pairs) > 1 and pairs[0] == (0, 0):
        pairs.pop(0)
    flat = [int(pad) for pair in reversed(pairs) for pad in pair]
    if mode == "constant":
        return F.pad(x, flat, value=float(value) if value is not None else decimal(node, "value", 0.0))
    return F.pad(x, flat, mode="reflect" if mode == "reflect" else "replicate")


WINDOWS: dict[str, Callable[[Node, Inputs], Tensor]] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "Resize": resize,
    "Upsample": resize,
    "Pad": _pad,
}
