"""What the operations of ONNX compute, in torch: one entry each.

An entry takes the node and its inputs, tensors (None where one is left out), and gives the outputs. It may raise
`Unsupported`, saying what it does not do. What shapes are computed with runs here too, so a graph that is run once is
left with sizes that are numbers. Semantics: github.com/onnx/onnx, docs/Operators.md; `tests/quantize` holds every entry
to onnxruntime.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vistream.models.onnx_file import DTYPES, Node
from vistream.quantize.onnx_attributes import (
    Inputs,
    Unsupported,
    axes_of,
    decimal,
    integer,
    optional,
    required,
    string,
)
from vistream.quantize.onnx_moves import MOVES
from vistream.quantize.onnx_windows import WINDOWS

Operator = Callable[[Node, Inputs], Tensor | tuple[Tensor, ...]]


# ---- elementwise ----


def _unary(function: Callable[[Tensor], Tensor]) -> Operator:
    return lambda node, inputs: function(required(inputs, 0))


def _binary(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    return lambda node, inputs: function(required(inputs, 0), required(inputs, 1))


def _folded(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    """Of any number of inputs."""

    def operator(node: Node, inputs: Inputs) -> Tensor:
        result = required(inputs, 0)
        for position in range(1, len(inputs)):
            result = function(result, required(inputs, position))
        return result

    return operator


def _divide(node: Node, inputs: Inputs) -> Tensor:
    a, b = required(inputs, 0), required(inputs, 1)
    return a / b if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


def _clip(node: Node, inputs: Inputs) -> Tensor:
    low, high = (
        float(value) if (value := optional(inputs, position)) is not None else decimal(node, name, default)
        for position, name, default in ((1, "min", -math.inf), (2, "max", math.inf))
    )
    return required(inputs, 0).clamp(low, high)


def _hard_sigmoid(node: Node, inputs: Inputs) -> Tensor:
    return (required(inputs, 0) * decimal(node, "alpha", 0.2) + decimal(node, "beta", 0.5)).clamp(0.0, 1.0)


def _selu(node: Node, inputs: Inputs) -> Tensor:
    alpha, gamma = decimal(node, "alpha", 1.6732632423543772), decimal(node, "gamma", 1.0507009873554805)
    return gamma * F.elu(required(inputs, 0), alpha)


def _gelu(node: Node, inputs: Inputs) -> Tensor:
    return F.gelu(required(inputs, 0), approximate=string(node, "approximate", "none"))


def _prelu(node: Node, inputs: Inputs) -> Tensor:
    x, slope = required(inputs, 0), required(inputs, 1)
    shape = [1] * (x.dim() - slope.dim()) + list(slope.shape)  # of a row `[C]` beside a map the last axis is meant
    if slope.numel() != 1 and any(side > 1 and axis != 1 for axis, side in enumerate(shape)):
        raise Unsupported("slopes that vary over the map")
    return F.prelu(x, slope.reshape(-1))


def _modulo(node: Node, inputs: Inputs) -> Tensor:
    function = torch.fmod if integer(node, "fmod", 0) else torch.remainder
    return function(required(inputs, 0), required(inputs, 1))


def _cast(node: Node, inputs: Inputs) -> Tensor:
    kind = integer(node, "to", 1)
    if kind not in DTYPES:
        raise Unsupported(f"a cast to type {kind}")
    dtype = torch.from_numpy(_empty(kind)).dtype
    return required(inputs, 0).to(torch.float32 if dtype.is_floating_point else dtype)


def _empty(kind: int) -> Any:
    import numpy as np

    return np.zeros(0, DTYPES[kind])


# ---- sums of products, norms, means ----


def _gemm(node: Node, inputs: Inputs) -> Tensor:
    a, b, bias = required(inputs, 0), required(inputs, 1), optional(inputs, 2)
    if integer(node, "transA", 0):
        raise Unsupported("a transposed left side")
    weight = (b if integer(node, "transB", 0) else b.t()) * decimal(node, "alpha", 1.0)
    return F.linear(a, weight, None if bias is None else bias.expand(len(weight)) * decimal(node, "beta", 1.0))


def _matmul(node: Node, inputs: Inputs) -> Tensor:
    a, b = required(inputs, 0), required(inputs, 1)
    return F.linear(a, b.t()) if b.dim() == 2 and a.dim() > 1 else torch.matmul(a, b)


def _batch_norm(node: Node, inputs: Inputs) -> Tensor:
    x, weight, bias, mean, variance = (required(inputs, position) for position in range(5))
    return F.batch_norm(x, mean, variance, weight, bias, eps=decimal(node, "epsilon", 1e-5))


def _layer_norm(node: Node, inputs: Inputs) -> Tensor:
    x = required(inputs, 0)
    shape = x.shape[integer(node, "axis", -1) % x.dim() :]
    return F.layer_norm(x, shape, required(inputs, 1), optional(inputs, 2), decimal(node, "epsilon", 1e-5))


def _instance_norm(node: Node, inputs: Inputs) -> Tensor:
    x, weight, bias = (required(inputs, position) for position in range(3))
    return F.instance_norm(x, weight=weight, bias=bias, eps=decimal(node, "epsilon", 1e-5))


def _group_norm(node: Node, inputs: Inputs) -> Tensor:
    """Scale and bias are of channels; before opset 21 they were of groups."""
    x, *scales = (required(inputs, position) for position in range(3))
    groups, channels = integer(node, "num_groups", 1), x.shape[1]
    weight, bias = (scale.repeat_interleave(channels // len(scale)) for scale in scales)
    return F.group_norm(x, groups, weight, bias, decimal(node, "epsilon", 1e-5))


def _softmax(node: Node, inputs: Inputs) -> Tensor:
    """Over one axis, as from opset 13 on; earlier files mean all axes from `axis` on: the same for the last one."""
    x = required(inputs, 0)
    axis = integer(node, "axis", -1) % x.dim()
    return torch.softmax(x, axis)


def _reduced(function: Callable[..., Tensor]) -> Operator:
    def operator(node: Node, inputs: Inputs) -> Tensor:
        x = required(inputs, 0)
        axes = axes_of(node, inputs, x.dim())
        if axes is None and integer(node, "noop_with_empty_axes", 0):
            return x
        return function(x, axes or list(range(x.dim())), bool(integer(node, "keepdims", 1)))

    return operator


def _l2(x: Tensor, axes: list[int], keepdims: bool) -> Tensor:
    return (x * x).sum(axes, keepdim=keepdims).sqrt()


def _dequantize(node: Node, inputs: Inputs) -> Tensor:
    x, scale, zero = required(inputs, 0), required(inputs, 1), optional(inputs, 2)
    if scale.numel() > 1:
        axis = integer(node, "axis", 1) % x.dim()
        shape = [-1 if number == axis else 1 for number in range(x.dim())]
        scale, zero = scale.reshape(shape), None if zero is None else zero.reshape(shape)
    return (x.to(torch.float32) - (0.0 if zero is None else zero.to(torch.float32))) * scale


UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "Relu": F.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "Erf": torch.erf, "Exp": torch.exp, "Log": torch.log,
    "Sqrt": torch.sqrt, "Reciprocal": torch.reciprocal, "Abs": torch.abs, "Neg": torch.neg, "Floor": torch.floor,
    "Ceil": torch.ceil, "Round": torch.round, "Softplus": F.softplus, "Softsign": F.softsign, "HardSwish": F.hardswish,
    "Mish": F.mish, "Sin": torch.sin, "Cos": torch.cos, "Identity": lambda x: x, "Dropout": lambda x: x,
    "Not": torch.logical_not, "GlobalAveragePool": lambda x: x.mean((2, 3), keepdim=True), "Sign": torch.sign,
}  # fmt: skip
FOLDED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "Add": torch.add, "Sum": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Max": torch.maximum, "Min": torch.minimum,
}  # fmt: skip
BINARY: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "Pow": torch.pow, "Equal": torch.eq, "Less": torch.lt, "Greater": torch.gt,
    "LessOrEqual": torch.le, "GreaterOrEqual": torch.ge,
    "And": torch.logical_and, "Or": torch.logical_or,
}  # fmt: skip
REDUCED: dict[str, Callable[..., Tensor]] = {
    "ReduceMean": torch.mean, "ReduceSum": torch.sum, "ReduceMax": torch.amax, "ReduceMin": torch.amin, "ReduceL2": _l2,
}  # fmt: skip

OPERATORS: dict[str, Operator] = {
    **MOVES,
    **WINDOWS,
    **{name: _unary(function) for name, function in UNARY.items()},
    **{name: _folded(function) for name, function in FOLDED.items()},
    **{name: _binary(function) for name, function in BINARY.items()},
    **{name: _reduced(function) for name, function in REDUCED.items()},
    "LeakyRelu": lambda node, inputs: F.leaky_relu(required(inputs, 0), decimal(node, "alpha", 0.01)),
    "Elu": lambda node, inputs: F.elu(required(inputs, 0), decimal(node, "alpha", 1.0)),
    "Celu": lambda node, inputs: F.celu(required(inputs, 0), decimal(node, "alpha", 1.0)),
    "Selu": _selu,
    "Div": _divide,
    "Clip": _clip,
    "HardSigmoid": _hard_sigmoid,
    "Gelu": _gelu,
    "PRelu": _prelu,
    "Mod": _modulo,
    "Cast": _cast,
    "CastLike": lambda node, inputs: required(inputs, 0).to(required(inputs, 1).dtype),
    "Where": lambda node, inputs: torch.where(required(inputs, 0), required(inputs, 1), required(inputs, 2)),
    "Gemm": _gemm,
    "MatMul": _matmul,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "InstanceNormalization": _instance_norm,
    "GroupNormalization": _group_norm,
    "Softmax": _softmax,
    "DequantizeLinear": _dequantize,
}  # fmt: skip
