"""From torch's own operators, as a run of a module meets them, to nodes of the float graph: one entry an operator.

An operator that has no entry, or whose arguments an entry cannot express (it returns None), becomes a `Call`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

INFINITY = math.inf


@dataclass(frozen=True, slots=True)
class Traced:
    """A tensor that depends on the network's input: the node that gives it, and its shape."""

    node: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an operator stands for: the fields of a node. Inputs are `Traced`, or constant tensors and numbers."""

    op: str
    inputs: tuple[Any, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, Tensor | None] = field(default_factory=dict)


Arguments = Mapping[str, Any]
"""An operator's arguments by the names of its schema, defaults filled in, `Traced` where a tensor is traced."""


def meaning_of(target: str, arguments: Arguments) -> Meaning | Traced | None:
    """What `target` does to `arguments`; a `Traced` where it does nothing; None where it has to stay a call."""
    read = READ.get(target.rpartition(".")[0])
    return None if read is None else read(arguments)


def is_known(target: str) -> bool:
    """Whether there is an entry for the operator."""
    return target.rpartition(".")[0] in READ


def _pair(value: Sequence[int]) -> tuple[int, int]:
    first, second = value if len(value) == 2 else (value[0], value[0])
    return int(first), int(second)


def _is_map(x: Any) -> bool:
    return isinstance(x, Traced) and len(x.shape) == 4


def _convolution(a: Arguments) -> Meaning | None:
    x, weight, bias = a["input"], a["weight"], a["bias"]
    if not _is_map(x) or isinstance(weight, Traced) or isinstance(bias, Traced):
        return None
    strides, padding, dilations = (_pair(a[name]) for name in ("stride", "padding", "dilation"))
    weights = {"weight": weight, "bias": bias}
    common = {"strides": strides, "dilations": dilations, "group": int(a["groups"])}
    if a["transposed"]:
        extra = {"pads": padding, "output_padding": _pair(a["output_padding"])}
        return Meaning("ConvTranspose", (x,), common | extra, weights)
    return Meaning("Conv", (x,), common | {"pads": (*padding, *padding)}, weights)


def _batch_norm(a: Arguments) -> Meaning | None:
    if a.get("training"):
        return None
    x, mean, variance = a["input"], a["running_mean"], a["running_var"]
    if any(isinstance(v, Traced) for v in (mean, variance, a["weight"], a["bias"])):
        return None
    gain = torch.rsqrt(variance + a["eps"])
    if a["weight"] is not None:
        gain = gain * a["weight"]
    shift = -mean * gain
    if a["bias"] is not None:
        shift = shift + a["bias"]
    return Meaning("Scale", (x,), {}, {"gain": gain, "shift": shift})


def _addmm(a: Arguments) -> Meaning | None:
    if isinstance(a["self"], Traced) or isinstance(a["mat2"], Traced) or a["alpha"] != 1 or a["beta"] != 1:
        return None
    if a["self"].dim() != 1:
        return None
    return Meaning("Linear", (a["mat1"],), {}, {"weight": a["mat2"].t(), "bias": a["self"]})


def _mm(a: Arguments) -> Meaning | None:
    if isinstance(a["mat2"], Traced):
        return None
    return Meaning("Linear", (a["self"],), {}, {"weight": a["mat2"].t()})


def _bmm(a: Arguments) -> Meaning | None:
    if isinstance(a["mat2"], Traced) or len(a["mat2"]) != 1:
        return None
    return Meaning("Linear", (a["self"],), {}, {"weight": a["mat2"][0].t()})


def _sum_of(op: str) -> Callable[[Arguments], Meaning | None]:
    """Addition or subtraction."""

    def read(a: Arguments) -> Meaning | None:
        return Meaning(op, (a["self"], a["other"])) if a.get("alpha", 1) == 1 else None

    return read


def _reversed_sub(a: Arguments) -> Meaning | None:
    return Meaning("Sub", (a["other"], a["self"])) if a["alpha"] == 1 else None


def _div(a: Arguments) -> Meaning | None:
    return Meaning("Div", (a["self"], a["other"])) if a.get("rounding_mode") is None else None


def _clamp(a: Arguments) -> Meaning | None:
    low, high = a.get("min", a.get("min_val")), a.get("max", a.get("max_val"))
    low, high = -INFINITY if low is None else low, INFINITY if high is None else high
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return None
    return Meaning("Clip", (a["self"],), {"min": float(low), "max": float(high)})


def _prelu(a: Arguments) -> Meaning | None:
    if isinstance(a["weight"], Traced):
        return None
    return Meaning("PRelu", (a["self"],), {}, {"slope": a["weight"].reshape(-1)})


def _randomised_relu(a: Arguments) -> Meaning | None:
    """For inference its slope is the middle of those that training draws from."""
    if a["training"]:
        return None
    return Meaning("PRelu", (a["self"],), {}, {"slope": torch.tensor([(a["lower"] + a["upper"]) / 2])})


def _max_pool(a: Arguments) -> Meaning | None:
    if not _is_map(a["self"]):
        return None
    kernel, padding = _pair(a["kernel_size"]), _pair(a["padding"])
    geometry = {
        "kernel": kernel,
        "strides": _pair(a["stride"] or kernel),
        "pads": (*padding, *padding),
        "dilations": _pair(a["dilation"]),
        "ceil": bool(a["ceil_mode"]),
    }
    return Meaning("MaxPool", (a["self"],), geometry)


def _average_pool(a: Arguments) -> Meaning | None:
    if not _is_map(a["self"]):
        return None
    kernel = _pair(a["kernel_size"])
    geometry = {
        "kernel": kernel,
        "strides": _pair(a["stride"] or kernel),
        "pads": _pair(a["padding"]),
        "ceil": bool(a["ceil_mode"]),
        "count_include_pad": bool(a["count_include_pad"]),
        "divisor": a["divisor_override"],
    }
    return Meaning("AveragePool", (a["self"],), geometry)


def _adaptive_average_pool(a: Arguments) -> Meaning | Traced | None:
    """Windows of one size where the output divides the input; else they overlap, which stays a call."""
    x, size = a["self"], _pair(a["output_size"])
    if not _is_map(x) or any(extent % wanted for extent, wanted in zip(x.shape[2:], size, strict=True)):
        return None
    if size == x.shape[2:]:
        return _same(a)
    kernel = (x.shape[2] // size[0], x.shape[3] // size[1])
    plain = {"pads": (0, 0), "ceil": False, "count_include_pad": True, "divisor": None}
    return Meaning("AveragePool", (x,), {"kernel": kernel, "strides": kernel, **plain})


def _mean(a: Arguments) -> Meaning | None:
    x = a["self"]
    if not _is_map(x) or a.get("dtype") is not None or a.get("dim") is None:
        return None
    axes = sorted(axis % 4 for axis in a["dim"])
    if axes == [2, 3]:
        return Meaning("Mean", (x,), {"keepdims": bool(a["keepdim"])})
    if axes == [1] and a["keepdim"]:
        weight = torch.full((1, x.shape[1], 1, 1), 1.0 / x.shape[1], dtype=torch.float32)
        plain = {"strides": (1, 1), "pads": (0, 0, 0, 0), "dilations": (1, 1), "group": 1}
        return Meaning("Conv", (x,), plain, {"weight": weight})
    return None


def _resize(mode: str) -> Callable[[Arguments], Meaning | None]:
    def read(a: Arguments) -> Meaning | None:
        x = a.get("self", a.get("input"))
        if not _is_map(x):
            return None
        factors: Sequence[Any] = a.get("scale_factors") or (a.get("scales_h"), a.get("scales_w"))
        how = {"mode": mode, "align_corners": bool(a.get("align_corners"))}
        if None not in factors:
            return Meaning("Resize", (x,), how | {"factor": tuple(float(factor) for factor in factors)})
        return Meaning("Resize", (x,), how | {"size": _pair(a["output_size"])})

    return read


def _pad(a: Arguments) -> Meaning | None:
    if not _is_map(a["self"]) or len(a["pad"]) not in (2, 4):
        return None
    left, right, top, bottom = (*a["pad"], 0, 0)[:4]
    return Meaning("Pad", (a["self"],), {"pads": (top, left, bottom, right), "value": float(a["value"])})


def _concat(a: Arguments) -> Meaning | None:
    parts = a["tensors"]
    shape = next(part.shape for part in parts if isinstance(part, Traced))
    return Meaning("Concat", tuple(parts), {"axis": int(a["dim"]) % len(shape)})


def _same(a: Arguments) -> Traced | None:
    x = a["self"]
    return x if isinstance(x, Traced) else None


def _cast(a: Arguments) -> Traced | None:
    """Between float types nothing changes: the graph computes in float32."""
    whole = a["dtype"] is not None and not a["dtype"].is_floating_point
    return None if whole else _same(a)


READ: dict[str, Callable[[Arguments], Meaning | Traced | None]] = {
    "aten.convolution": _convolution,
    "aten._convolution": _convolution,
    "aten.native_batch_norm": _batch_norm,
    "aten._native_batch_norm_legit": _batch_norm,
    "aten._native_batch_norm_legit_no_training": _batch_norm,
    "aten.addmm": _addmm,
    "aten.mm": _mm,
    "aten.bmm": _bmm,
    "aten.add": _sum_of("Add"),
    "aten.sub": _sum_of("Sub"),
    "aten.rsub": _reversed_sub,
    "aten.mul": lambda a: Meaning("Mul", (a["self"], a["other"])),
    "aten.div": _div,
    "aten.neg": lambda a: Meaning("Mul", (a["self"], -1.0)),
    "aten.relu": lambda a: Meaning("Relu", (a["self"],)),
    "aten.hardtanh": _clamp,
    "aten.clamp": _clamp,
    "aten.clamp_min": _clamp,
    "aten.clamp_max": _clamp,
    "aten._prelu_kernel": _prelu,
    "aten.rrelu_with_noise_functional": _randomised_relu,
    "aten.max_pool2d_with_indices": _max_pool,
    "aten.avg_pool2d": _average_pool,
    "aten._adaptive_avg_pool2d": _adaptive_average_pool,
    "aten.mean": _mean,
    "aten.upsample_nearest2d": _resize("nearest"),
    "aten.upsample_bilinear2d": _resize("bilinear"),
    "aten.constant_pad_nd": _pad,
    "aten.cat": _concat,
    **dict.fromkeys(("aten.clone", "aten.detach", "aten.alias", "aten.lift_fresh", "aten.contiguous"), _same),
    "aten._to_copy": _cast,
}
