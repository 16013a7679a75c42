"""The operations of ONNX that slide windows over maps, resize or pad them, in torch: see `onnx_operators`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vistream.ir.same import same_padding
from vistream.models.onnx_file import Node
from vistream.quantize.onnx_attributes import (
    Inputs,
    Unsupported,
    decimal,
    integer,
    integers,
    optional,
    required,
    string,
)


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


def _flat(x: Tensor) -> None:
    if x.dim() != 4:
        raise Unsupported("anything but maps")


def _conv(node: Node, inputs: Inputs) -> Tensor:
    x, weight = required(inputs, 0), required(inputs, 1)
    _flat(x)
    x, padding = _padded(x, _pads(node, x, weight.shape[2:]), 0.0)
    strides, dilations = integers(node, "strides", [1, 1]), integers(node, "dilations", [1, 1])
    return F.conv2d(x, weight, optional(inputs, 2), strides, padding, dilations, integer(node, "group", 1))


def _conv_transpose(node: Node, inputs: Inputs) -> Tensor:
    x, weight = required(inputs, 0), required(inputs, 1)
    _flat(x)
    top, left, bottom, right = integers(node, "pads", [0, 0, 0, 0])
    if (top, left) != (bottom, right) or "output_shape" in node.attributes or "auto_pad" in node.attributes:
        raise Unsupported("uneven padding")
    strides, dilations = integers(node, "strides", [1, 1]), integers(node, "dilations", [1, 1])
    extra = integers(node, "output_padding", [0, 0])
    group = integer(node, "group", 1)
    return F.conv_transpose2d(x, weight, optional(inputs, 2), strides, (top, left), extra, group, dilations)


def _max_pool(node: Node, inputs: Inputs) -> Tensor:
    x, kernel = required(inputs, 0), integers(node, "kernel_shape", [])
    _flat(x)
    x, padding = _padded(x, _pads(node, x, kernel), -math.inf)
    strides, dilations = integers(node, "strides", [1, 1]), integers(node, "dilations", [1, 1])
    return F.max_pool2d(x, kernel, strides, padding, dilations, bool(integer(node, "ceil_mode", 0)))


def _average_pool(node: Node, inputs: Inputs) -> Tensor:
    x, kernel = required(inputs, 0), integers(node, "kernel_shape", [])
    _flat(x)
    pads, counted = _pads(node, x, kernel), bool(integer(node, "count_include_pad", 0))
    if pads[:2] != pads[2:] and not counted:
        raise Unsupported("uneven padding that does not count")
    x, padding = _padded(x, pads, 0.0)
    return F.avg_pool2d(
        x, kernel, integers(node, "strides", [1, 1]), padding, bool(integer(node, "ceil_mode", 0)), counted
    )


def nearest_lines(old: int, new: int, where: str, ties: str) -> list[int] | None:
    """The line of `old` that each of `new` lines takes over, as ONNX's Resize defines it; None: it is not known here.

    >>> nearest_lines(2, 6, "asymmetric", "floor"), nearest_lines(2, 6, "asymmetric", "round_prefer_floor")
    ([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1])
    """
    half = Fraction(1, 2)
    places: dict[str, Callable[[int], Fraction]] = {
        "asymmetric": lambda line: Fraction(line * old, new),
        "half_pixel": lambda line: (line + half) * Fraction(old, new) - half,
        "pytorch_half_pixel": lambda line: (line + half) * Fraction(old, new) - half if new > 1 else Fraction(0),
        "align_corners": lambda line: Fraction(line * (old - 1), new - 1) if new > 1 else Fraction(0),
        "tf_half_pixel_for_nn": lambda line: (line + half) * Fraction(old, new),
    }
    rounded: dict[str, Callable[[Fraction], int]] = {
        "floor": math.floor,
        "ceil": math.ceil,
        "round_prefer_floor": lambda place: math.ceil(place - half),
        "round_prefer_ceil": lambda place: math.floor(place + half),
    }
    if where not in places or ties not in rounded:
        return None
    return [min(max(rounded[ties](places[where](line)), 0), old - 1) for line in range(new)]


def _resize(node: Node, inputs: Inputs) -> Tensor:
    x = required(inputs, 0)
    _flat(x)
    older = node.op == "Upsample" or len(inputs) == 2
    scales = optional(inputs, 1 if older else 2)
    sizes = None if older else optional(inputs, 3)
    given = torch.tensor(node.attributes["scales"]) if "scales" in node.attributes else scales
    old = x.shape[2:]
    if sizes is not None:
        size = tuple(int(side) for side in sizes[2:])
    elif given is not None:  # ONNX multiplies in float32
        size = tuple(int(np.float32(side) * np.float32(scale)) for side, scale in zip(old, given[2:], strict=True))
    else:
        raise Unsupported("no size")
    mode = string(node, "mode", "nearest")
    where = string(node, "coordinate_transformation_mode", "asymmetric" if older else "half_pixel")
    if mode == "nearest":
        ties = string(node, "nearest_mode", "floor" if older else "round_prefer_floor")
        axes = list(zip(old, size, strict=True))
        if any(nearest_lines(*axis, where, ties) != nearest_lines(*axis, "asymmetric", "floor") for axis in axes):
            raise Unsupported(f"nearest resizing of the kind {where}, {ties}, from {tuple(old)} to {size}")
        if sizes is None and all(new % side == 0 for side, new in axes):  # a factor, whatever the size is
            return F.interpolate(x, scale_factor=tuple(float(new // side) for side, new in axes), mode="nearest")
        return F.interpolate(x, size, mode="nearest")
    if mode == "linear" and where in ("half_pixel", "pytorch_half_pixel", "align_corners"):
        return F.interpolate(x, size, mode="bilinear", align_corners=where == "align_corners")
    raise Unsupported(f"{mode} resizing of the kind {where}")


def _pad(node: Node, inputs: Inputs) -> Tensor:
    x, mode = required(inputs, 0), string(node, "mode", "constant")
    given, value = optional(inputs, 1), optional(inputs, 2)
    pads = given.tolist() if given is not None else integers(node, "pads", [])
    rank = x.dim()
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
    "Resize": _resize,
    "Upsample": _resize,
    "Pad": _pad,
}
