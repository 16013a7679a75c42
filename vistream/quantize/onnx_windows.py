"""The operations of ONNX that slide windows over maps, resize or pad them, in torch: see `onnx_operators`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
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

Floats = NDArray[np.float32]


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
    pads, ceil = _pads(node, x, kernel), bool(integer(node, "ceil_mode", 0))
    if ceil and pads[:2] != pads[2:]:
        raise Unsupported("uneven padding with ceil_mode")
    x, padding = _padded(x, pads, -math.inf)
    strides, dilations = integers(node, "strides", [1, 1]), integers(node, "dilations", [1, 1])
    return F.max_pool2d(x, kernel, strides, padding, dilations, ceil)


def _average_pool(node: Node, inputs: Inputs) -> Tensor:
    x, kernel = required(inputs, 0), integers(node, "kernel_shape", [])
    _flat(x)
    pads, counted = _pads(node, x, kernel), bool(integer(node, "count_include_pad", 0))
    if pads[:2] != pads[2:] and not counted:
        raise Unsupported("uneven padding that does not count")
    if set(integers(node, "dilations", [])) - {1}:
        raise Unsupported("means of a dilated window")
    x, padding = _padded(x, pads, 0.0)
    return F.avg_pool2d(
        x, kernel, integers(node, "strides", [1, 1]), padding, bool(integer(node, "ceil_mode", 0)), counted
    )


def nearest_lines(old: int, new: int, scale: float, where: str, ties: str) -> list[int] | None:
    """The line of `old` that each of `new` lines takes over, as ONNX's Resize defines it; None: it is not known here.

    `scale`: what the file enlarges by, which is `new / old` only where that is whole. Computed as onnxruntime does.

    >>> nearest_lines(2, 6, 3.0, "asymmetric", "floor"), nearest_lines(2, 6, 3.0, "asymmetric", "round_prefer_floor")
    ([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1])
    """
    line, half, by = np.arange(new, dtype=np.float32), np.float32(0.5), np.float32(scale)
    places: dict[str, Callable[[], Floats]] = {
        "asymmetric": lambda: line / by,
        "half_pixel": lambda: (line + half) / by - half,
        "pytorch_half_pixel": lambda: (line + half) / by - half if new > 1 else line * 0,
        "align_corners": lambda: line * np.float32(old - 1) / np.float32(new - 1) if new > 1 else line * 0,
        "tf_half_pixel_for_nn": lambda: (line + half) / by,
    }
    rounded: dict[str, Callable[[Floats], Floats]] = {
        "floor": np.floor,
        "ceil": np.ceil,
        "round_prefer_floor": lambda place: np.ceil(place - half),
        "round_prefer_ceil": lambda place: np.floor(place + half),
    }
    if where not in places or ties not in rounded:
        return None
    return [min(max(int(taken), 0), old - 1) for taken in rounded[ties](places[where]())]


@dataclass(frozen=True, slots=True)
class Resizing:
    """From `old` rows and columns to `new`; `scales`: what the file multiplies by, None: it names the size."""

    old: tuple[int, int]
    new: tuple[int, int]
    scales: tuple[float, float] | None

    @classmethod
    def of(cls, node: Node, inputs: Inputs) -> Resizing:
        """What a node asks for; Unsupported for what torch has no word for."""
        x, older = required(inputs, 0), node.op == "Upsample" or len(inputs) == 2
        kept = string(node, "keep_aspect_ratio_policy", "stretch") != "stretch"
        if kept or "axes" in node.attributes or integer(node, "antialias", 0):
            raise Unsupported("resizing of some axes, with antialiasing or at a kept aspect ratio")
        scales, sizes = optional(inputs, 1 if older else 2), None if older else optional(inputs, 3)
        scales = torch.tensor(node.attributes["scales"]) if "scales" in node.attributes else scales
        old = (x.shape[2], x.shape[3])
        if sizes is not None:
            wanted = [int(side) for side in sizes]
            if wanted[:2] == list(x.shape[:2]):
                return cls(old, (wanted[2], wanted[3]), None)
        elif scales is not None:  # ONNX multiplies in float32
            factors = [float(np.float32(scale)) for scale in scales]
            rows, columns = (
                int(np.float32(side) * np.float32(scale)) for side, scale in zip(old, factors[2:], strict=True)
            )
            if factors[:2] == [1.0, 1.0]:
                return cls(old, (rows, columns), (factors[2], factors[3]))
        raise Unsupported("no size, or another number of channels")

    def lines(self, where: str, ties: str) -> list[list[int] | None]:
        """Of the rows and of the columns, see `nearest_lines`."""
        scales = self.scales or tuple(new / old for old, new in zip(self.old, self.new, strict=True))
        return [nearest_lines(*axis, where, ties) for axis in zip(self.old, self.new, scales, strict=True)]

    def torch_lines(self) -> list[list[int]]:
        """The same as torch takes them over."""
        steps = [old / new for old, new in zip(self.old, self.new, strict=True)]
        steps = steps if self.scales is None else [1.0 / scale for scale in self.scales]
        places = [
            np.arange(new, dtype=np.float32) * np.float32(step) for new, step in zip(self.new, steps, strict=True)
        ]
        return [[min(int(line), old - 1) for line in place] for place, old in zip(places, self.old, strict=True)]

    def __call__(self, x: Tensor, mode: str, corners: bool | None = None) -> Tensor:
        """By a factor where there is one, so that another size of `x` is resized likewise."""
        if self.scales is None:
            return F.interpolate(x, self.new, mode=mode, align_corners=corners)
        return F.interpolate(x, scale_factor=self.scales, mode=mode, align_corners=corners)


def _resize(node: Node, inputs: Inputs) -> Tensor:
    x = required(inputs, 0)
    _flat(x)
    resizing = Resizing.of(node, inputs)
    older = node.op == "Upsample" or len(inputs) == 2
    mode = string(node, "mode", "nearest")
    where = string(node, "coordinate_transformation_mode", "asymmetric" if older else "half_pixel")
    if mode == "nearest":
        ties = string(node, "nearest_mode", "floor" if older else "round_prefer_floor")
        if resizing.torch_lines() != resizing.lines(where, ties):
            raise Unsupported(f"nearest resizing of the kind {where}, {ties}, from {resizing.old} to {resizing.new}")
        return resizing(x, mode)
    single = where == "pytorch_half_pixel" and min(resizing.new) == 1
    if mode != "linear" or where not in ("half_pixel", "pytorch_half_pixel", "align_corners") or single:
        raise Unsupported(f"{mode} resizing of the kind {where}")
    found = resizing(x, "bilinear", where == "align_corners")
    if found.shape[2:] != resizing.new:
        raise Unsupported(f"resizing from {resizing.old} to {resizing.new} by {resizing.scales}")
    return found


def _pad(node: Node, inputs: Inputs) -> Tensor:
    x, mode = required(inputs, 0), string(node, "mode", "constant")
    given, value = optional(inputs, 1), optional(inputs, 2)
    pads = given.tolist() if given is not None else integers(node, "pads", [])
    rank = x.dim()
    if optional(inputs, 3) is not None:
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
    "Resize": _resize,
    "Upsample": _resize,
    "Pad": _pad,
}
