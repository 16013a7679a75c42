"""What every operation of the float graph computes, in torch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vistream.ir.node import Node, Operand, Weight
from vistream.ir.same import same_padding


def operator_of(target: str) -> Any:
    """The torch operator that a name such as `"aten.softmax.int"` stands for; AttributeError if there is none."""
    return functools.reduce(getattr, target.split("."), torch.ops)


def filled(arguments: Any, inputs: list[Tensor], weights: Any) -> Any:
    """The arguments of a `Call` with tensors in the places of `Operand` and `Weight`."""
    if isinstance(arguments, Operand):
        return inputs[arguments.position]
    if isinstance(arguments, Weight):
        return weights[arguments.name]
    if isinstance(arguments, (list, tuple)):
        return [filled(argument, inputs, weights) for argument in arguments]
    return arguments


def _call(node: Node, inputs: list[Tensor]) -> Tensor:
    attributes = node.attributes
    inputs = [tensor.contiguous() for tensor in inputs]  # as the operator may demand
    arguments = filled(attributes["arguments"], inputs, node.weights)
    keywords = {name: filled(value, inputs, node.weights) for name, value in attributes.get("keywords", {}).items()}
    result = operator_of(attributes["target"])(*arguments, **keywords)
    output = attributes.get("output")
    tensor: Tensor = result if output is None else result[output]
    return tensor


def _conv(node: Node, inputs: list[Tensor]) -> Tensor:
    attributes, weight = node.attributes, node.weights["weight"]
    x, pads = inputs[0], attributes["pads"]
    if pads is None:
        axes = zip(x.shape[-2:], weight.shape[-2:], attributes["strides"], attributes["dilations"], strict=True)
        (top, bottom), (left, right) = (same_padding(*axis) for axis in axes)
    else:
        top, left, bottom, right = pads
    padding: tuple[int, int] = (top, left)
    if (top, left) != (bottom, right):
        x, padding = F.pad(x, (left, right, top, bottom)), (0, 0)
    strides, dilations = attributes["strides"], attributes["dilations"]
    return F.conv2d(x, weight, node.weights.get("bias"), strides, padding, dilations, attributes["group"])


def _conv_transpose(node: Node, inputs: list[Tensor]) -> Tensor:
    a = node.attributes
    weight, bias = node.weights["weight"], node.weights.get("bias")
    return F.conv_transpose2d(
        inputs[0], weight, bias, a["strides"], a["pads"], a["output_padding"], a["group"], a["dilations"]
    )


def _linear(node: Node, inputs: list[Tensor]) -> Tensor:
    return F.linear(inputs[0], node.weights["weight"], node.weights.get("bias"))


def _scale(node: Node, inputs: list[Tensor]) -> Tensor:
    shape = (1, -1) + (1,) * (inputs[0].dim() - 2)
    return inputs[0] * node.weights["gain"].view(shape) + node.weights["shift"].view(shape)


def _max_pool(node: Node, inputs: list[Tensor]) -> Tensor:
    a = node.attributes
    top, left, bottom, right = a["pads"]
    x, padding = inputs[0], (top, left)
    if (top, left) != (bottom, right):
        x, padding = F.pad(x, (left, right, top, bottom), value=float("-inf")), (0, 0)
    return F.max_pool2d(x, a["kernel"], a["strides"], padding, a["dilations"], a["ceil"])


def _average_pool(node: Node, inputs: list[Tensor]) -> Tensor:
    a = node.attributes
    return F.avg_pool2d(
        inputs[0], a["kernel"], a["strides"], a["pads"], a["ceil"], a["count_include_pad"], a["divisor"]
    )


def _resize(node: Node, inputs: list[Tensor]) -> Tensor:
    a = node.attributes
    align = a["align_corners"] if a["mode"] == "bilinear" else None
    if a.get("size") is not None:
        return F.interpolate(inputs[0], tuple(a["size"]), mode=a["mode"], align_corners=align)
    return F.interpolate(inputs[0], scale_factor=tuple(a["factor"]), mode=a["mode"], align_corners=align)


def _pad(node: Node, inputs: list[Tensor]) -> Tensor:
    top, left, bottom, right = node.attributes["pads"]
    return F.pad(inputs[0], (left, right, top, bottom), value=node.attributes["value"])


EVALUATE: dict[str, Callable[[Node, list[Tensor]], Tensor]] = {
    "Constant": lambda node, inputs: node.weights["value"],
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Linear": _linear,
    "Scale": _scale,
    "Add": lambda node, inputs: inputs[0] + inputs[1],
    "Sub": lambda node, inputs: inputs[0] - inputs[1],
    "Mul": lambda node, inputs: inputs[0] * inputs[1],
    "Div": lambda node, inputs: inputs[0] / inputs[1],
    "Relu": lambda node, inputs: F.relu(inputs[0]),
    "Clip": lambda node, inputs: inputs[0].clamp(node.attributes["min"], node.attributes["max"]),
    "PRelu": lambda node, inputs: F.prelu(inputs[0], node.weights["slope"]),
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "Mean": lambda node, inputs: inputs[0].mean((2, 3), keepdim=node.attributes["keepdims"]),
    "Resize": _resize,
    "Pad": _pad,
    "Concat": lambda node, inputs: torch.cat(inputs, node.attributes["axis"]),
    "Call": _call,
}


def evaluate(node: Node, inputs: list[Tensor]) -> Tensor:
    """The float tensor of one node; `inputs` are those of its sources, in order."""
    return EVALUATE[node.op](node, inputs)
