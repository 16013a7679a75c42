"""The TensorFlow operations that the tfjs graph models in the registry use, each in torch.

Tensors keep TensorFlow's layout (`[B, H, W, C]`, filters `[kh, kw, in, out]`); integers are int64 here. Which
axes, paddings and strides an operation takes follows its entry in TensorFlow's API reference. A variant that
no model in the registry uses is refused, not guessed.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from vistream.ir.same import same_padding

Attribute = bool | int | float | str | list[int] | list[str]
Result = Tensor | tuple[Tensor, ...]
Operation = Callable[["Node", list[Tensor]], Result]


class Unsupported(Exception):
    """The graph asks for a variant of an operation that is not written here."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operation of a graph. `inputs` are (node name, which of its outputs)."""

    name: str
    op: str
    inputs: tuple[tuple[str, int], ...] = ()
    attributes: dict[str, Attribute] = field(default_factory=dict)

    def integer(self, key: str) -> int:
        value = self.attributes.get(key, 0)
        if not isinstance(value, int):
            raise Unsupported(f"{key} = {value!r}")
        return value

    def number(self, key: str) -> float:
        value = self.attributes[key]
        if not isinstance(value, int | float):
            raise Unsupported(f"{key} = {value!r}")
        return float(value)

    def text(self, key: str) -> str:
        return str(self.attributes.get(key, ""))

    def integers(self, key: str) -> list[int]:
        value = self.attributes.get(key, [])
        if not isinstance(value, list):
            raise Unsupported(f"{key} = {value!r}")
        return [int(item) for item in value]

    def texts(self, key: str) -> list[str]:
        value = self.attributes.get(key, [])
        if not isinstance(value, list):
            raise Unsupported(f"{key} = {value!r}")
        return [str(item) for item in value]


def _ints(tensor: Tensor) -> list[int]:
    return [int(value) for value in tensor.flatten().tolist()]


def _padded(node: Node, image: Tensor, kernel: tuple[int, int], fill: float) -> Tensor:
    """`image` `[B, C, H, W]` with the border that the node's padding asks for."""
    if node.text("data_format") not in ("", "NHWC"):
        raise Unsupported(f"data format {node.text('data_format')}")
    if node.text("padding") == "VALID":
        return image
    if node.text("padding") != "SAME":
        raise Unsupported(f"{node.text('padding')} padding")
    _, sh, sw, _ = node.integers("strides")
    _, dh, dw, _ = node.integers("dilations") or [1, 1, 1, 1]
    top, bottom = same_padding(image.shape[2], kernel[0], sh, dh)
    left, right = same_padding(image.shape[3], kernel[1], sw, dw)
    return F.pad(image, (left, right, top, bottom), value=fill)


def _convolve(node: Node, image: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
    """`weight` in torch's order `[out, in / groups, kh, kw]`."""
    padded = _padded(node, image.permute(0, 3, 1, 2), (weight.shape[2], weight.shape[3]), 0.0)
    _, sh, sw, _ = node.integers("strides")
    _, dh, dw, _ = node.integers("dilations") or [1, 1, 1, 1]
    out = F.conv2d(padded, weight, bias, (sh, sw), 0, (dh, dw), groups)
    return _activated(node, out).permute(0, 2, 3, 1)


def _activated(node: Node, x: Tensor) -> Tensor:
    for step in node.texts("fused_ops"):
        if step == "Relu":
            x = x.relu()
        elif step == "Relu6":
            x = x.clamp(0, 6)
        elif step != "BiasAdd":
            raise Unsupported(f"fused {step}")
    return x


def convolution(node: Node, inputs: list[Tensor]) -> Tensor:
    image, kernel, *bias = inputs
    groups = image.shape[3] // kernel.shape[2]
    return _convolve(node, image, kernel.permute(3, 2, 0, 1), bias[0] if bias else None, groups)


def depthwise_convolution(node: Node, inputs: list[Tensor]) -> Tensor:
    image, kernel, *bias = inputs  # the kernel is [kh, kw, channels, outputs of each channel]
    weight = kernel.permute(2, 3, 0, 1).flatten(0, 1).unsqueeze(1)
    return _convolve(node, image, weight, bias[0] if bias else None, image.shape[3])


def max_pool(node: Node, inputs: list[Tensor]) -> Tensor:
    _, kh, kw, _ = node.integers("ksize")
    _, sh, sw, _ = node.integers("strides")
    padded = _padded(node, inputs[0].permute(0, 3, 1, 2), (kh, kw), -math.inf)
    return F.max_pool2d(padded, (kh, kw), (sh, sw)).permute(0, 2, 3, 1)


def average_pool(node: Node, inputs: list[Tensor]) -> Tensor:
    if node.text("padding") != "VALID" or node.text("data_format") not in ("", "NHWC"):
        raise Unsupported(f"{node.text('padding')} padding, {node.text('data_format')}")
    _, kh, kw, _ = node.integers("ksize")
    _, sh, sw, _ = node.integers("strides")
    return F.avg_pool2d(inputs[0].permute(0, 3, 1, 2), (kh, kw), (sh, sw)).permute(0, 2, 3, 1)


def transposed_convolution(node: Node, inputs: list[Tensor]) -> Tensor:
    """The gradient of a convolution by its input: of the full result, what the padding had added is cut off."""
    size, kernel, image = inputs  # the kernel is [kh, kw, out, in]; the batch is the image's own
    if node.text("padding") != "SAME" or max(node.integers("dilations") or [1]) > 1:
        raise Unsupported(f"{node.text('padding')} padding, dilations {node.integers('dilations')}")
    _, sh, sw, _ = node.integers("strides")
    _, height, width, _ = _ints(size)
    full = F.conv_transpose2d(image.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), stride=(sh, sw))
    top, left = max(full.shape[2] - height, 0) // 2, max(full.shape[3] - width, 0) // 2
    if full.shape[2] < height or full.shape[3] < width:
        raise Unsupported(f"a kernel smaller than its stride {sh} x {sw}")
    return full[:, :, top : top + height, left : left + width].permute(0, 2, 3, 1)


def resize_bilinear(node: Node, inputs: list[Tensor]) -> Tensor:
    corners, centres = bool(node.integer("align_corners")), bool(node.integer("half_pixel_centers"))
    if not corners and not centres:
        raise Unsupported("sampling from the pixels' top-left corners")
    image = inputs[0].permute(0, 3, 1, 2)
    size = _ints(inputs[1])
    return F.interpolate(image, size=size, mode="bilinear", align_corners=corners).permute(0, 2, 3, 1)


def pad(node: Node, inputs: list[Tensor]) -> Tensor:
    fill = float(inputs[2]) if len(inputs) > 2 else 0.0
    return F.pad(inputs[0], _ints(inputs[1].flip(0)), value=fill)  # torch counts axes from the last one


def sparse_to_dense(node: Node, inputs: list[Tensor]) -> Tensor:
    where, shape, values, default = inputs
    dense = torch.full(_ints(shape), default.item(), dtype=values.dtype)
    where = where.reshape(-1, dense.ndim)
    dense[tuple(where.unbind(1))] = values
    return dense


def split(node: Node, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    axis, image = inputs
    return image.chunk(node.integer("num_split"), int(axis))


def strided_slice(node: Node, inputs: list[Tensor]) -> Tensor:
    image, begins, ends, strides = inputs
    if node.integer("ellipsis_mask") or int(strides.min()) < 1:
        raise Unsupported("an ellipsis, or a negative stride")
    index: list[int | slice | None] = []
    for i, (begin, end, stride) in enumerate(zip(_ints(begins), _ints(ends), _ints(strides), strict=True)):
        bit = 1 << i
        if node.integer("new_axis_mask") & bit:
            index.append(None)
        elif node.integer("shrink_axis_mask") & bit:
            index.append(begin)
        else:
            first = None if node.integer("begin_mask") & bit else begin
            last = None if node.integer("end_mask") & bit else end
            index.append(slice(first, last, stride))
    return image[tuple(index)]


def cast(node: Node, inputs: list[Tensor]) -> Tensor:
    types = {
        "DT_FLOAT": torch.float32,
        "DT_INT32": torch.int64,
        "DT_INT64": torch.int64,
        "DT_BOOL": torch.bool,
    }
    if node.text("DstT") not in types:
        raise Unsupported(f"a cast to {node.text('DstT')}")
    return inputs[0].to(types[node.text("DstT")])


def squeeze(node: Node, inputs: list[Tensor]) -> Tensor:
    axes = node.integers("squeeze_dims")
    return inputs[0].squeeze(tuple(axes)) if axes else inputs[0].squeeze()


def top_k(node: Node, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    values, indices = inputs[0].topk(int(inputs[1]), sorted=True)
    return values, indices


def _keep(node: Node) -> bool:
    return bool(node.integer("keep_dims"))


OPERATIONS: dict[str, Operation] = {
    "Abs": lambda n, x: x[0].abs(),
    "Add": lambda n, x: x[0] + x[1],
    "AddN": lambda n, x: functools.reduce(torch.add, x),
    "AddV2": lambda n, x: x[0] + x[1],
    "ArgMax": lambda n, x: x[0].argmax(int(x[1])),
    "AvgPool": average_pool,
    "Cast": cast,
    "ConcatV2": lambda n, x: torch.cat(x[:-1], int(x[-1])),
    "Conv2D": convolution,
    "Conv2DBackpropInput": transposed_convolution,
    "DepthwiseConv2dNative": depthwise_convolution,
    "Equal": lambda n, x: x[0] == x[1],
    "Exp": lambda n, x: x[0].exp(),
    "ExpandDims": lambda n, x: x[0].unsqueeze(int(x[1])),
    "Fill": lambda n, x: torch.full(_ints(x[0]), x[1].item(), dtype=x[1].dtype),
    "FloorDiv": lambda n, x: x[0].div(x[1], rounding_mode="floor"),
    "FusedDepthwiseConv2dNative": depthwise_convolution,
    "GatherNd": lambda n, x: x[0][tuple(x[1].unbind(-1))],
    "Greater": lambda n, x: x[0] > x[1],
    "GreaterEqual": lambda n, x: x[0] >= x[1],
    "Identity": lambda n, x: x[0],
    "LeakyRelu": lambda n, x: F.leaky_relu(x[0], n.number("alpha")),
    "Less": lambda n, x: x[0] < x[1],
    "LogicalAnd": lambda n, x: x[0] & x[1],
    "Max": lambda n, x: x[0].amax(_ints(x[1]), _keep(n)),
    "MaxPool": max_pool,
    "Maximum": lambda n, x: torch.maximum(x[0], x[1]),
    "Minimum": lambda n, x: torch.minimum(x[0], x[1]),
    "Mul": lambda n, x: x[0] * x[1],
    "Pack": lambda n, x: torch.stack(x, n.integer("axis")),
    "Pad": pad,
    "PadV2": pad,
    "Range": lambda n, x: torch.arange(x[0].item(), x[1].item(), x[2].item(), dtype=x[0].dtype),
    "RealDiv": lambda n, x: x[0] / x[1],
    "Reciprocal": lambda n, x: x[0].reciprocal(),
    "Relu": lambda n, x: x[0].relu(),
    "Relu6": lambda n, x: x[0].clamp(0, 6),
    "Reshape": lambda n, x: x[0].reshape(_ints(x[1])),
    "ResizeBilinear": resize_bilinear,
    "Select": lambda n, x: torch.where(x[0], x[1], x[2]),
    "Shape": lambda n, x: torch.tensor(x[0].shape),
    "Sigmoid": lambda n, x: x[0].sigmoid(),
    "Size": lambda n, x: torch.tensor(x[0].numel()),
    "SparseToDense": sparse_to_dense,
    "Split": split,
    "SplitV": lambda n, x: x[0].split_with_sizes(_ints(x[1]), int(x[2])),
    "SquaredDifference": lambda n, x: (x[0] - x[1]).square(),
    "Squeeze": squeeze,
    "StridedSlice": strided_slice,
    "Sub": lambda n, x: x[0] - x[1],
    "Sum": lambda n, x: x[0].sum(_ints(x[1]), _keep(n)),
    "Tile": lambda n, x: x[0].tile(_ints(x[1])),
    "TopKV2": top_k,
    "Transpose": lambda n, x: x[0].permute(_ints(x[1])),
    "Unpack": lambda n, x: x[0].unbind(n.integer("axis")),
    "_FusedConv2D": convolution,
}
