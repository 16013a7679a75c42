"""Operations between DequantizeLinear and QuantizeLinear, and these two: one entry each, as in `onnx_qlinear`.

What an operation gives between them exists only as what QuantizeLinear makes of it, so most entries note how.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from vistream.ir.operations import MaxPool, Operation, Upsample
from vistream.models.onnx_file import Node
from vistream.quantize.onnx_attributes import integer, integers
from vistream.quantize.onnx_levels import Levels, NotTaken, Pair, Real, Scale
from vistream.quantize.onnx_quantized_layers import WHOLE, check_axis, window_of
from vistream.quantize.onnx_quantized_tensors import KnownTensors

ELEMENTWISE = (
    "Sigmoid", "Tanh", "LeakyRelu", "HardSigmoid", "HardSwish", "Elu", "Softplus", "Mul", "Sub", "Div", "Erf",
    "Identity", "Mish", "Gelu", "Exp", "Abs", "Neg",
)  # fmt: skip


def _quantize(known: KnownTensors, node: Node) -> None:
    source, step, zero = (*node.inputs, "")[:3]
    name, scale, real = node.outputs[0], known.scale(step, zero), known.real(source)
    if real.make is not None:
        known.levels[name] = real.make(name, scale, real.bounds(scale))
    elif real.root is not None:
        known.levels[name] = known.make.function(name, known.levels[real.root], real.root, scale)
    else:
        raise NotTaken("it quantises what can't be taken")


def _dequantize(known: KnownTensors, node: Node) -> None:
    source, step, zero = (*node.inputs, "")[:3]
    if source in known.file.weights:
        zeros = known.array(zero) if zero else np.zeros(1, np.int8)
        known.constants[node.outputs[0]] = (known.array(source), known.array(step).astype(np.float32), zeros)
        return
    if source not in known.levels:
        raise NotTaken("what it reads can't be taken")
    levels = known.levels[source]
    if known.scale(step, zero) != levels.scale:
        raise NotTaken("another scale than the levels were made with")

    def make(name: str, scale: Scale, bounds: Pair) -> Levels:
        return known.make.rescaled(name, levels, scale, bounds)

    known.reals[node.outputs[0]] = Real(make, source, levels.root)


def _conv(known: KnownTensors, node: Node) -> None:
    source = known.held(node.inputs[0])
    if node.inputs[1] not in known.constants:
        raise NotTaken("a convolution without quantised weights")
    weight = known.constants[node.inputs[1]]
    bias = None
    if len(node.inputs) > 2 and node.inputs[2]:
        if node.inputs[2] not in known.constants:
            raise NotTaken("a convolution without quantised bias")
        bias = known.constants[node.inputs[2]][0]

    def make(name: str, scale: Scale, bounds: Pair) -> Levels:
        return known.make.convolution(node, name, source, weight, bias, scale, bounds)

    known.reals[node.outputs[0]] = Real(make)


def _addition(known: KnownTensors, node: Node) -> None:
    """The sum of two tensors; of one and itself, or a number, it is elementwise."""
    if any(name not in known.reals for name in node.inputs) or known.one_root(node) is not None:
        _elementwise(known, node)
        return
    terms = [known.held(name) for name in node.inputs]

    def make(name: str, scale: Scale, bounds: Pair) -> Levels:
        return known.make.sum_of(name, terms, scale, bounds)

    known.reals[node.outputs[0]] = Real(make)


def _clip(known: KnownTensors, node: Node) -> None:
    """Behind what has not been quantised yet, bounds of its levels; else an elementwise function."""
    real = known.real(node.inputs[0])
    if real.make is None or real.same is not None:
        _elementwise(known, node)
        return
    low, high = (0.0, np.inf) if node.op == "Relu" else _limits(known, node)
    if not low <= 0.0 <= high:
        raise NotTaken("an activation that never gives zero")
    known.reals[node.outputs[0]] = replace(real, low=max(real.low, low), high=min(real.high, high))


def _limits(known: KnownTensors, node: Node) -> tuple[float, float]:
    found = []
    for position, default in ((1, -np.inf), (2, np.inf)):
        name = node.inputs[position] if len(node.inputs) > position else ""
        if name in known.constants:
            integers, steps, zeros = known.constants[name]
            found.append(float((integers.astype(np.float32) - zeros.astype(np.float32)) * steps))
        else:
            found.append(float(known.array(name)) if name else default)
    return found[0], found[1]


def _elementwise(known: KnownTensors, node: Node) -> None:
    root = known.one_root(node)
    if root is None:
        raise NotTaken("a function of several tensors")
    known.reals[node.outputs[0]] = Real(None, root=root)


def _max_pool(known: KnownTensors, node: Node) -> None:
    kernel = integers(node, "kernel_shape", [1, 1])
    window = window_of(node, (kernel[0], kernel[1]))
    if integer(node, "ceil_mode", 0):
        window = replace(window, ceil=True)
    _moved(known, node, lambda name, layer: MaxPool(name, layer, window))


def _resize(known: KnownTensors, node: Node) -> None:
    scales = known.array(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] else np.zeros(0)
    given = [float(scale) for scale in scales.reshape(-1)[2:].tolist()]
    factor = [round(scale) for scale in given]
    if node.attributes.get("mode", "nearest") != "nearest" or len(factor) != 2 or factor != given:
        raise NotTaken("resizing other than nearest by a whole factor")
    _moved(known, node, lambda name, layer: Upsample(name, layer, (factor[0], factor[1])))


def _moved(known: KnownTensors, node: Node, operation: Callable[[str, str], Operation]) -> None:
    """An operation that leaves levels as they are, on an integer tensor or between DQ and Q."""
    source, name = node.inputs[0], node.outputs[0]
    if source in known.levels:
        levels = known.levels[source]
        known.levels[name] = replace(levels, layer=known.make.add(operation(name, levels.layer)), root=name)
        return
    held = known.held(source)

    def make(name: str, scale: Scale, bounds: Pair) -> Levels:
        same = held.scale == scale and bounds == WHOLE
        layer = known.make.add(operation(name if same else f"{name}:moved", held.layer))
        return known.make.rescaled(name, replace(held, layer=layer, root=name), scale, bounds)

    known.reals[node.outputs[0]] = Real(make)


def _concat(known: KnownTensors, node: Node) -> None:
    parts = [known.held(name) for name in node.inputs]
    check_axis(node)

    def make(name: str, scale: Scale, bounds: Pair) -> Levels:
        return known.make.concat(name, parts, scale, bounds)

    known.reals[node.outputs[0]] = Real(make)


QDQ: dict[str, Callable[[KnownTensors, Node], None]] = {
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    "QuantizeLinear": _quantize,
    "DequantizeLinear": _dequantize,
    "Conv": _conv,
    "Add": _addition,
    "Relu": _clip,
    "Clip": _clip,
    "MaxPool": _max_pool,
    "Resize": _resize,
    "Concat": _concat,
}
