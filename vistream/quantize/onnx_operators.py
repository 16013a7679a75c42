"""What the operations of ONNX compute, in torch: one entry each.

An entry takes the node and its inputs, tensors (None where one is left out), and gives the outputs. It may raise
`Unsupported`, saying what it does not do. What shapes are computed with runs here too, so a graph that is run once is
left with sizes that are numbers. Semantics: github.com/onnx/onnx, docs/Operators.md; `tests/quantize` holds every entry
to onnxruntime.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vistream.ir.same import same_padding
from vistream.models.onnx_file import DTYPES, Node

Inputs = Sequence[Tensor | None]
Operator = Callable[[Node, Inputs], Tensor | tuple[Tensor, ...]]


class Unsupported(Exception):
    """An operation, or a form of one, that has no counterpart here."""


def _given(inputs: Inputs, position: int) -> Tensor | None:
    return inputs[position] if position < len(inputs) else None


def _need(inputs: Inputs, position: int) -> Tensor:
    value = _given(inputs, position)
    if value is None:
        raise Unsupported("lacks an input")
    return value


def _number(node: Node, name: str, default: float) -> float:
    value = node.attributes.get(name, default)
    return float(value) if isinstance(value, int | float) else default


def _whole(node: Node, name: str, default: int) -> int:
    value = node.attributes.get(name, default)
    return value if isinstance(value, int) else default


def _wholes(node: Node, name: str, default: Sequence[int]) -> list[int]:
    value = node.attributes.get(name, default)
    return [int(number) for number in value] if isinstance(value, list | tuple) else list(default)


def _word(node: Node, name: str, default: str) -> str:
    value = node.attributes.get(name, default)
    return value if isinstance(value, str) else default


def _axes(node: Node, inputs: Inputs, rank: int) -> list[int] | None:
    """Axes as an input (newer files) or an attribute; None where the file names none."""
    given = _given(inputs, 1)
    axes = given.tolist() if given is not None else _wholes(node, "axes", [])
    return [int(axis) % rank for axis in axes] or None


# ---- elementwise ----


def _unary(function: Callable[[Tensor], Tensor]) -> Operator:
    return lambda node, inputs: function(_need(inputs, 0))


def _binary(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    return lambda node, inputs: function(_need(inputs, 0), _need(inputs, 1))


def _folded(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    """Of any number of inputs."""

    def operator(node: Node, inputs: Inputs) -> Tensor:
        result = _need(inputs, 0)
        for position in range(1, len(inputs)):
            result = function(result, _need(inputs, position))
        return result

    return operator


def _divide(node: Node, inputs: Inputs) -> Tensor:
    a, b = _need(inputs, 0), _need(inputs, 1)
    return a / b if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


def _clip(node: Node, inputs: Inputs) -> Tensor:
    low, high = (
        float(value) if (value := _given(inputs, position)) is not None else _number(node, name, default)
        for position, name, default in ((1, "min", -math.inf), (2, "max", math.inf))
    )
    return _need(inputs, 0).clamp(low, high)


def _hard_sigmoid(node: Node, inputs: Inputs) -> Tensor:
    return (_need(inputs, 0) * _number(node, "alpha", 0.2) + _number(node, "beta", 0.5)).clamp(0.0, 1.0)


def _gelu(node: Node, inputs: Inputs) -> Tensor:
    return F.gelu(_need(inputs, 0), approximate=_word(node, "approximate", "none"))


def _prelu(node: Node, inputs: Inputs) -> Tensor:
    x, slope = _need(inputs, 0), _need(inputs, 1)
    if slope.numel() not in (1, x.shape[1] if x.dim() > 1 else 1):
        raise Unsupported("slopes that vary over the map")
    return F.prelu(x, slope.reshape(-1))


def _cast(node: Node, inputs: Inputs) -> Tensor:
    kind = _whole(node, "to", 1)
    if kind not in DTYPES:
        raise Unsupported(f"a cast to type {kind}")
    dtype = torch.from_numpy(_empty(kind)).dtype
    return _need(inputs, 0).to(torch.float32 if dtype.is_floating_point else dtype)


def _empty(kind: int) -> Any:
    import numpy as np

    return np.zeros(0, DTYPES[kind])


# ---- windows ----


def _pads(node: Node, x: Tensor, kernel: Sequence[int]) -> list[int]:
    """Top, left, bottom, right."""
    strides, dilations = _wholes(node, "strides", [1, 1]), _wholes(node, "dilations", [1, 1])
    auto = _word(node, "auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        axes = zip(x.shape[-2:], kernel, strides, dilations, strict=True)
        (top, bottom), (left, right) = (same_padding(*axis) for axis in axes)
        return [top, left, bottom, right] if auto == "SAME_UPPER" else [bottom, right, top, left]
    return [0, 0, 0, 0] if auto == "VALID" else _wholes(node, "pads", [0, 0, 0, 0])


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
    x, weight = _need(inputs, 0), _need(inputs, 1)
    _flat(x)
    x, padding = _padded(x, _pads(node, x, weight.shape[2:]), 0.0)
    strides, dilations = _wholes(node, "strides", [1, 1]), _wholes(node, "dilations", [1, 1])
    return F.conv2d(x, weight, _given(inputs, 2), strides, padding, dilations, _whole(node, "group", 1))


def _conv_transpose(node: Node, inputs: Inputs) -> Tensor:
    x, weight = _need(inputs, 0), _need(inputs, 1)
    _flat(x)
    top, left, bottom, right = _wholes(node, "pads", [0, 0, 0, 0])
    if (top, left) != (bottom, right) or "output_shape" in node.attributes or "auto_pad" in node.attributes:
        raise Unsupported("uneven padding")
    strides, dilations = _wholes(node, "strides", [1, 1]), _wholes(node, "dilations", [1, 1])
    extra = _wholes(node, "output_padding", [0, 0])
    group = _whole(node, "group", 1)
    return F.conv_transpose2d(x, weight, _given(inputs, 2), strides, (top, left), extra, group, dilations)


def _max_pool(node: Node, inputs: Inputs) -> Tensor:
    x, kernel = _need(inputs, 0), _wholes(node, "kernel_shape", [])
    _flat(x)
    x, padding = _padded(x, _pads(node, x, kernel), -math.inf)
    strides, dilations = _wholes(node, "strides", [1, 1]), _wholes(node, "dilations", [1, 1])
    return F.max_pool2d(x, kernel, strides, padding, dilations, bool(_whole(node, "ceil_mode", 0)))


def _average_pool(node: Node, inputs: Inputs) -> Tensor:
    x, kernel = _need(inputs, 0), _wholes(node, "kernel_shape", [])
    _flat(x)
    pads, counted = _pads(node, x, kernel), bool(_whole(node, "count_include_pad", 0))
    if pads[:2] != pads[2:] and not counted:
        raise Unsupported("uneven padding that does not count")
    x, padding = _padded(x, pads, 0.0)
    return F.avg_pool2d(
        x, kernel, _wholes(node, "strides", [1, 1]), padding, bool(_whole(node, "ceil_mode", 0)), counted
    )


def _resize(node: Node, inputs: Inputs) -> Tensor:
    x = _need(inputs, 0)
    _flat(x)
    older = node.op == "Upsample" or len(inputs) == 2
    scales = _given(inputs, 1 if older else 2)
    sizes = None if older else _given(inputs, 3)
    given = torch.tensor(node.attributes["scales"]) if "scales" in node.attributes else scales
    if sizes is not None:
        size = tuple(int(side) for side in sizes[2:])
    elif given is not None:
        size = tuple(int(side * float(scale)) for side, scale in zip(x.shape[2:], given[2:], strict=True))
    else:
        raise Unsupported("no size")
    mode = _word(node, "mode", "nearest")
    where = _word(node, "coordinate_transformation_mode", "asymmetric" if older else "half_pixel")
    whole = all(new % old == 0 for new, old in zip(size, x.shape[2:], strict=True))
    if mode == "nearest" and (whole or (where == "asymmetric" and _word(node, "nearest_mode", "") == "floor")):
        return F.interpolate(x, size, mode="nearest")
    if mode == "linear" and where in ("half_pixel", "pytorch_half_pixel", "align_corners"):
        return F.interpolate(x, size, mode="bilinear", align_corners=where == "align_corners")
    raise Unsupported(f"{mode} resizing of the kind {where}")


def _pad(node: Node, inputs: Inputs) -> Tensor:
    x, mode = _need(inputs, 0), _word(node, "mode", "constant")
    given, value = _given(inputs, 1), _given(inputs, 2)
    pads = given.tolist() if given is not None else _wholes(node, "pads", [])
    rank = x.dim()
    if len(pads) != 2 * rank or mode not in ("constant", "reflect", "edge"):
        raise Unsupported(f"{mode} padding of some axes")
    pairs = [(pads[axis], pads[axis + rank]) for axis in range(rank)]
    while len(pairs) > 1 and pairs[0] == (0, 0):
        pairs.pop(0)
    flat = [int(pad) for pair in reversed(pairs) for pad in pair]
    if mode == "constant":
        return F.pad(x, flat, value=float(value) if value is not None else _number(node, "value", 0.0))
    return F.pad(x, flat, mode="reflect" if mode == "reflect" else "replicate")


# ---- sums of products, norms, means ----


def _gemm(node: Node, inputs: Inputs) -> Tensor:
    a, b, bias = _need(inputs, 0), _need(inputs, 1), _given(inputs, 2)
    if _whole(node, "transA", 0):
        raise Unsupported("a transposed left side")
    weight = (b if _whole(node, "transB", 0) else b.t()) * _number(node, "alpha", 1.0)
    return F.linear(a, weight, None if bias is None else bias.expand(len(weight)) * _number(node, "beta", 1.0))


def _matmul(node: Node, inputs: Inputs) -> Tensor:
    a, b = _need(inputs, 0), _need(inputs, 1)
    return F.linear(a, b.t()) if b.dim() == 2 and a.dim() > 1 else torch.matmul(a, b)


def _batch_norm(node: Node, inputs: Inputs) -> Tensor:
    x, weight, bias, mean, variance = (_need(inputs, position) for position in range(5))
    return F.batch_norm(x, mean, variance, weight, bias, eps=_number(node, "epsilon", 1e-5))


def _layer_norm(node: Node, inputs: Inputs) -> Tensor:
    x = _need(inputs, 0)
    shape = x.shape[_whole(node, "axis", -1) % x.dim() :]
    return F.layer_norm(x, shape, _need(inputs, 1), _given(inputs, 2), _number(node, "epsilon", 1e-5))


def _instance_norm(node: Node, inputs: Inputs) -> Tensor:
    x, weight, bias = (_need(inputs, position) for position in range(3))
    return F.instance_norm(x, weight=weight, bias=bias, eps=_number(node, "epsilon", 1e-5))


def _softmax(node: Node, inputs: Inputs) -> Tensor:
    """Over one axis, as from opset 13 on; earlier files mean all axes from `axis` on: the same for the last one."""
    x = _need(inputs, 0)
    axis = _whole(node, "axis", -1) % x.dim()
    return torch.softmax(x, axis)


def _reduced(function: Callable[..., Tensor]) -> Operator:
    def operator(node: Node, inputs: Inputs) -> Tensor:
        x = _need(inputs, 0)
        axes = _axes(node, inputs, x.dim())
        if axes is None and _whole(node, "noop_with_empty_axes", 0):
            return x
        return function(x, axes or list(range(x.dim())), bool(_whole(node, "keepdims", 1)))

    return operator


def _l2(x: Tensor, axes: list[int], keepdims: bool) -> Tensor:
    return (x * x).sum(axes, keepdim=keepdims).sqrt()


# ---- moving numbers about ----


def _reshape(node: Node, inputs: Inputs) -> Tensor:
    x, shape = _need(inputs, 0), [int(side) for side in _need(inputs, 1).tolist()]
    if not _whole(node, "allowzero", 0):
        shape = [x.shape[axis] if side == 0 else side for axis, side in enumerate(shape)]
    return x.reshape(shape)


def _flatten(node: Node, inputs: Inputs) -> Tensor:
    x, axis = _need(inputs, 0), _whole(node, "axis", 1)
    return x.reshape(math.prod(x.shape[: axis if axis >= 0 else axis + x.dim()]), -1)


def _transpose(node: Node, inputs: Inputs) -> Tensor:
    x = _need(inputs, 0)
    return x.permute(_wholes(node, "perm", list(range(x.dim()))[::-1]))


def _squeeze(node: Node, inputs: Inputs) -> Tensor:
    x = _need(inputs, 0)
    axes = _axes(node, inputs, x.dim()) or [axis for axis, side in enumerate(x.shape) if side == 1]
    return x.reshape([side for axis, side in enumerate(x.shape) if axis not in axes])


def _unsqueeze(node: Node, inputs: Inputs) -> Tensor:
    x, given = _need(inputs, 0), _given(inputs, 1)
    axes = given.tolist() if given is not None else _wholes(node, "axes", [])
    rank = x.dim() + len(axes)
    places, sides = {int(axis) % rank for axis in axes}, iter(x.shape)
    return x.reshape([1 if axis in places else next(sides) for axis in range(rank)])


def _slice(node: Node, inputs: Inputs) -> Tensor:
    x = _need(inputs, 0)
    if len(inputs) > 1:
        starts, ends = (_need(inputs, position).tolist() for position in (1, 2))
        given = [_given(inputs, position) for position in (3, 4)]
        axes, steps = (None if value is None else value.tolist() for value in given)
    else:
        starts, ends = _wholes(node, "starts", []), _wholes(node, "ends", [])
        axes, steps = _wholes(node, "axes", []) or None, None
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        axis, step = axes[number] if axes else number, steps[number] if steps else 1
        if step < 1:
            raise Unsupported("a slice backwards")
        chosen = range(*slice(start, end, step).indices(x.shape[axis]))
        x = x.narrow(axis, chosen.start, max(chosen.stop - chosen.start, 0)) if chosen else x.narrow(axis, 0, 0)
        x = x[(slice(None),) * (axis % x.dim()) + (slice(None, None, step),)] if step > 1 else x
    return x


def _split(node: Node, inputs: Inputs) -> tuple[Tensor, ...]:
    x, given = _need(inputs, 0), _given(inputs, 1)
    axis, parts = _whole(node, "axis", 0), len(node.outputs)
    sizes = [int(size) for size in given.tolist()] if given is not None else _wholes(node, "split", [])
    each = -(-x.shape[axis] // parts)
    even = [max(min(each, x.shape[axis] - each * part), 0) for part in range(parts)]
    return torch.split(x, sizes or even, axis)


def _gather(node: Node, inputs: Inputs) -> Tensor:
    x, index = _need(inputs, 0), _need(inputs, 1).to(torch.int64)
    axis = _whole(node, "axis", 0) % x.dim()
    index = torch.where(index < 0, index + x.shape[axis], index)
    found = x.index_select(axis, index.reshape(-1))
    return found.reshape([*x.shape[:axis], *index.shape, *x.shape[axis + 1 :]])


def _expand(node: Node, inputs: Inputs) -> Tensor:
    """To a shape that may have sides of 1 where the tensor has more: both are spread."""
    x, shape = _need(inputs, 0), [int(side) for side in _need(inputs, 1).tolist()]
    sides = [1] * (len(shape) - x.dim()) + list(x.shape)
    wanted = [1] * (x.dim() - len(shape)) + shape
    return x.expand([max(side, want) for side, want in zip(sides, wanted, strict=True)])


def _depth_to_space(node: Node, inputs: Inputs) -> Tensor:
    x, block = _need(inputs, 0), _whole(node, "blocksize", 1)
    if _word(node, "mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, block)
    batch, channels, rows, columns = x.shape
    apart = x.reshape(batch, block * block, channels // block**2, rows, columns).permute(0, 2, 1, 3, 4)
    return F.pixel_shuffle(apart.reshape(x.shape), block)


def _space_to_depth(node: Node, inputs: Inputs) -> Tensor:
    x, block = _need(inputs, 0), _whole(node, "blocksize", 1)
    batch, channels, rows, columns = x.shape
    apart = F.pixel_unshuffle(x, block).reshape(batch, channels, block * block, rows // block, columns // block)
    return apart.permute(0, 2, 1, 3, 4).reshape(batch, channels * block**2, rows // block, columns // block)


def _concat(node: Node, inputs: Inputs) -> Tensor:
    return torch.cat([_need(inputs, position) for position in range(len(inputs))], _whole(node, "axis", 0))


def _constant_of_shape(node: Node, inputs: Inputs) -> Tensor:
    value = node.attributes.get("value")
    filler = torch.zeros(1) if value is None else torch.as_tensor(value)
    return filler.reshape(-1)[:1].expand([int(side) for side in _need(inputs, 0).tolist()]).clone()


def _constant(node: Node, inputs: Inputs) -> Tensor:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        value = node.attributes.get(name)
        if value is not None and not isinstance(value, str):
            return torch.as_tensor(value)
    raise Unsupported("a constant of this kind")


def _dequantize(node: Node, inputs: Inputs) -> Tensor:
    x, scale, zero = _need(inputs, 0), _need(inputs, 1), _given(inputs, 2)
    if scale.numel() > 1:
        axis = _whole(node, "axis", 1) % x.dim()
        shape = [-1 if number == axis else 1 for number in range(x.dim())]
        scale, zero = scale.reshape(shape), None if zero is None else zero.reshape(shape)
    return (x.to(torch.float32) - (0.0 if zero is None else zero.to(torch.float32))) * scale


def _shape(node: Node, inputs: Inputs) -> Tensor:
    shape = list(_need(inputs, 0).shape)
    return torch.tensor(shape[_whole(node, "start", 0) : _whole(node, "end", len(shape))], dtype=torch.int64)


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
    "Pow": torch.pow, "Equal": torch.eq, "Less": torch.lt, "Greater": torch.gt, "Mod": torch.remainder,
    "And": torch.logical_and, "Or": torch.logical_or,
}  # fmt: skip
REDUCED: dict[str, Callable[..., Tensor]] = {
    "ReduceMean": torch.mean, "ReduceSum": torch.sum, "ReduceMax": torch.amax, "ReduceMin": torch.amin, "ReduceL2": _l2,
}  # fmt: skip

OPERATORS: dict[str, Operator] = {
    **{name: _unary(function) for name, function in UNARY.items()},
    **{name: _folded(function) for name, function in FOLDED.items()},
    **{name: _binary(function) for name, function in BINARY.items()},
    **{name: _reduced(function) for name, function in REDUCED.items()},
    "LeakyRelu": lambda node, inputs: F.leaky_relu(_need(inputs, 0), _number(node, "alpha", 0.01)),
    "Elu": lambda node, inputs: F.elu(_need(inputs, 0), _number(node, "alpha", 1.0)),
    "Div": _divide,
    "Clip": _clip,
    "HardSigmoid": _hard_sigmoid,
    "Gelu": _gelu,
    "PRelu": _prelu,
    "Cast": _cast,
    "Where": lambda node, inputs: torch.where(_need(inputs, 0), _need(inputs, 1), _need(inputs, 2)),
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "Resize": _resize,
    "Upsample": _resize,
    "Pad": _pad,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "InstanceNormalization": _instance_norm,
    "Softmax": _softmax,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "Expand": _expand,
    "Tile": lambda node, inputs: _need(inputs, 0).repeat([int(times) for times in _need(inputs, 1).tolist()]),
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "Concat": _concat,
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Range": lambda node, inputs: torch.arange(*(_need(inputs, position).item() for position in range(3))),
    "Shape": _shape,
    "DequantizeLinear": _dequantize,
}  # fmt: skip
