"""ONNX files that are quantised already: their own scales, zero points and weights, as an integer network.

Both forms are read: operations between DequantizeLinear and QuantizeLinear (QDQ), and QLinearConv. The network gives
the integers that onnxruntime gives: its convolution is one exact sum, one product in float32, rounded half to even; its
elementwise functions are tables, which onnxruntime itself fills here. A file's unsigned levels q are q - 128 here.

The body reaches as far as operations are known; behind it, onnxruntime goes on from the same integers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from vistream.errors import VistreamError
from vistream.ir.network import IntegerNetwork, Output
from vistream.ir.operations import (
    MaxPool,
    Neuron,
    Operation,
    Upsample,
)
from vistream.models.onnx_file import Node, OnnxFile
from vistream.quantize.onnx_attributes import integer, integers
from vistream.quantize.onnx_levels import INT8, UINT8, Levels, NotTaken, Pair, Real, Scale
from vistream.quantize.onnx_module import image_of, title_of
from vistream.quantize.onnx_part import nodes_behind
from vistream.quantize.onnx_quantized_layers import WHOLE, Array, QuantisedLayers, Weight, window_of
from vistream.quantize.ranges import Preprocess

ELEMENTWISE = frozenset({
    "QuantizeLinear", "DequantizeLinear", "Relu", "Sigmoid", "Tanh", "LeakyRelu", "HardSigmoid", "HardSwish", "Elu",
    "Softplus", "Clip", "Mul", "Add", "Sub", "Div", "Erf", "Identity", "Mish", "Gelu", "Exp", "Abs", "Neg",
})  # fmt: skip


@dataclass(frozen=True, eq=False)
class QuantisedFile:
    """The integer network of a quantised file's body; `crossing`: the integer tensors that leave it, by name."""

    network: IntegerNetwork
    crossing: Mapping[str, Levels]
    rest: tuple[Node, ...]


def is_quantised(file: OnnxFile) -> bool:
    """Whether activations, not only weights, are quantised."""
    return any(op in ("QuantizeLinear", "QLinearConv") for _, op in file.operations)


def read_quantised(file: OnnxFile, preprocess: Preprocess) -> QuantisedFile:
    """The body of a quantised file; raises VistreamError where nothing of it can be taken."""
    builder = _Builder(file, preprocess)
    for node in file.nodes:
        try:
            builder.take(node)
        except NotTaken as reason:
            builder.refused.setdefault(title_of(node), str(reason))
    outputs = [value.name for value in file.outputs]
    rest = nodes_behind(file, frozenset(builder.levels), outputs)
    read = {name for node in rest for name in node.inputs} | set(outputs)
    crossing = {name: levels for name, levels in builder.levels.items() if name in read}
    if not any(isinstance(layer, Neuron) and layer.synapses[0].weight is not None for layer in builder.make.layers):
        first = next((f"{name}: {why}" for name, why in builder.refused.items()), "no convolution is quantised")
        raise VistreamError(f"{file.path}: the integer network can take nothing of it ({first})")
    named = tuple(Output(name, levels.layer, float(levels.scale.step)) for name, levels in crossing.items())
    return QuantisedFile(IntegerNetwork(tuple(builder.make.layers), named), crossing, tuple(rest))


class _Builder:
    """Takes nodes in order; `levels` and `reals` are the tensors known so far, `constants` dequantised weights."""

    def __init__(self, file: OnnxFile, preprocess: Preprocess) -> None:
        self.file, self.make = file, QuantisedLayers(file, preprocess)
        image = image_of(file).name
        self.levels: dict[str, Levels] = {}
        self.reals: dict[str, Real] = {image: Real(self.make.image)}
        self.constants: dict[str, Weight] = {}
        self.refused: dict[str, str] = {}

    def take(self, node: Node) -> None:
        """Note what a node gives; raises NotTaken where that can't be said."""
        taker = TAKE.get(node.op)
        if taker is not None:
            taker(self, node)
        elif node.op in ELEMENTWISE:
            self.elementwise(node)
        else:
            raise NotTaken(f"{node.op} has no counterpart here")

    # ---- tensors ----

    def array(self, name: str) -> Array:
        if name not in self.file.weights:
            raise NotTaken("a weight that is computed")
        return self.file.weight(name)

    def scale(self, step: str, zero: str) -> Scale:
        """Of one scale for all channels."""
        steps = self.array(step).astype(np.float32).reshape(-1)
        zeros = self.array(zero) if zero else np.zeros(1, np.uint8)
        if len(steps) != 1 or zeros.dtype not in (np.uint8, np.int8):
            raise NotTaken("activations of several scales, or of more than 8 bits")
        dtype = UINT8 if zeros.dtype == np.uint8 else INT8
        return Scale(steps[0], int(zeros.reshape(-1)[0]) - (128 if dtype == UINT8 else 0), dtype)

    def real(self, name: str) -> Real:
        if name not in self.reals:
            raise NotTaken("what it reads can't be taken")
        return self.reals[name]

    def held(self, name: str) -> Levels:
        """The integer tensor that a real one stands for."""
        same = self.real(name).same
        if same is None:
            raise NotTaken("it reads what was not quantised")
        return self.levels[same]

    # ---- quantising ----

    def quantize(self, node: Node) -> None:
        source, step, zero = (*node.inputs, "")[:3]
        name, scale, real = node.outputs[0], self.scale(step, zero), self.real(source)
        if real.make is not None:
            self.levels[name] = real.make(name, scale, real.bounds(scale))
        elif real.root is not None:
            self.levels[name] = self.make.function(name, self.levels[real.root], real.root, scale)
        else:
            raise NotTaken("it quantises what can't be taken")

    def dequantize(self, node: Node) -> None:
        source, step, zero = (*node.inputs, "")[:3]
        if source in self.file.weights:
            zeros = self.array(zero) if zero else np.zeros(1, np.int8)
            self.constants[node.outputs[0]] = (self.array(source), self.array(step).astype(np.float32), zeros)
            return
        if source not in self.levels:
            raise NotTaken("what it reads can't be taken")
        levels = self.levels[source]
        if self.scale(step, zero) != levels.scale:
            raise NotTaken("another scale than the levels were made with")

        def make(name: str, scale: Scale, bounds: Pair) -> Levels:
            return self.make.rescaled(name, levels, scale, bounds)

        self.reals[node.outputs[0]] = Real(make, source, levels.root)

    # ---- operations between ----

    def conv(self, node: Node) -> None:
        source = self.held(node.inputs[0])
        if node.inputs[1] not in self.constants:
            raise NotTaken("a convolution without quantised weights")
        weight = self.constants[node.inputs[1]]
        bias = None
        if len(node.inputs) > 2 and node.inputs[2]:
            if node.inputs[2] not in self.constants:
                raise NotTaken("a convolution without quantised bias")
            bias = self.constants[node.inputs[2]][0]

        def make(name: str, scale: Scale, bounds: Pair) -> Levels:
            return self.make.convolution(node, name, source, weight, bias, scale, bounds)

        self.reals[node.outputs[0]] = Real(make)

    def qlinear_conv(self, node: Node) -> None:
        x, x_step, x_zero, w, w_step, w_zero, y_step, y_zero, *bias = node.inputs
        source = self.given(x, x_step, x_zero)
        weight = (self.array(w), self.array(w_step).astype(np.float32), self.array(w_zero))
        name, scale = node.outputs[0], self.scale(y_step, y_zero)
        given = self.array(bias[0]) if bias and bias[0] else None
        self.levels[name] = self.make.convolution(node, name, source, weight, given, scale, WHOLE)

    def addition(self, node: Node) -> None:
        """The sum of two tensors; of one and itself, or a number, it is elementwise."""
        if any(name not in self.reals for name in node.inputs) or self._one_root(node) is not None:
            self.elementwise(node)
            return
        terms = [self.held(name) for name in node.inputs]

        def make(name: str, scale: Scale, bounds: Pair) -> Levels:
            return self.make.sum_of(name, terms, scale, bounds)

        self.reals[node.outputs[0]] = Real(make)

    def clip(self, node: Node) -> None:
        """Behind what has not been quantised yet, bounds of its levels; else an elementwise function."""
        real = self.real(node.inputs[0])
        if real.make is None or real.same is not None:
            self.elementwise(node)
            return
        low, high = (0.0, np.inf) if node.op == "Relu" else self._limits(node)
        if not low <= 0.0 <= high:
            raise NotTaken("an activation that never gives zero")
        self.reals[node.outputs[0]] = replace(real, low=max(real.low, low), high=min(real.high, high))

    def _limits(self, node: Node) -> tuple[float, float]:
        found = []
        for position, default in ((1, -np.inf), (2, np.inf)):
            name = node.inputs[position] if len(node.inputs) > position else ""
            if name in self.constants:
                integers, steps, zeros = self.constants[name]
                found.append(float((integers.astype(np.float32) - zeros.astype(np.float32)) * steps))
            else:
                found.append(float(self.array(name)) if name else default)
        return found[0], found[1]

    def elementwise(self, node: Node) -> None:
        self.reals[node.outputs[0]] = Real(None, root=self._one_root(node) or self._no_root())

    def _no_root(self) -> str:
        raise NotTaken("a function of several tensors")

    def _one_root(self, node: Node) -> str | None:
        """The one integer tensor that all inputs are functions of; numbers don't count."""
        roots: set[str | None] = set()
        for name in node.inputs:
            if name in self.reals:
                roots.add(self.reals[name].root)
            elif name not in self.constants and name not in self.file.weights:
                return None
        return next(iter(roots)) if len(roots) == 1 else None

    def max_pool(self, node: Node) -> None:
        kernel = integers(node, "kernel_shape", [1, 1])
        window = window_of(node, (kernel[0], kernel[1]))
        if integer(node, "ceil_mode", 0):
            window = replace(window, ceil=True)
        self._moved(node, lambda name, layer: MaxPool(name, layer, window))

    def resize(self, node: Node) -> None:
        scales = self.array(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] else np.zeros(0)
        given = [float(scale) for scale in scales.reshape(-1)[2:].tolist()]
        factor = [round(scale) for scale in given]
        if node.attributes.get("mode", "nearest") != "nearest" or len(factor) != 2 or factor != given:
            raise NotTaken("resizing other than nearest by a whole factor")
        self._moved(node, lambda name, layer: Upsample(name, layer, (factor[0], factor[1])))

    def _moved(self, node: Node, operation: Callable[[str, str], Operation]) -> None:
        """An operation that leaves levels as they are, on an integer tensor or between DQ and Q."""
        source, name = node.inputs[0], node.outputs[0]
        if source in self.levels:
            levels = self.levels[source]
            self.levels[name] = replace(levels, layer=self.make.add(operation(name, levels.layer)), root=name)
            return
        held = self.held(source)

        def make(name: str, scale: Scale, bounds: Pair) -> Levels:
            same = held.scale == scale and bounds == WHOLE
            layer = self.make.add(operation(name if same else f"{name}:moved", held.layer))
            return self.make.rescaled(name, replace(held, layer=layer, root=name), scale, bounds)

        self.reals[node.outputs[0]] = Real(make)

    def concat(self, node: Node) -> None:
        parts = [self.held(name) for name in node.inputs]
        _check_axis(node)

        def make(name: str, scale: Scale, bounds: Pair) -> Levels:
            return self.make.concat(name, parts, scale, bounds)

        self.reals[node.outputs[0]] = Real(make)

    # ---- operations on integers ----

    def given(self, name: str, step: str, zero: str) -> Levels:
        """An integer tensor that an operation reads."""
        if name not in self.levels or self.scale(step, zero) != self.levels[name].scale:
            raise NotTaken("what it reads can't be taken")
        return self.levels[name]

    def qlinear_addition(self, node: Node) -> None:
        a, a_step, a_zero, b, b_step, b_zero, step, zero = node.inputs
        terms = [self.given(a, a_step, a_zero), self.given(b, b_step, b_zero)]
        if terms[0].root == terms[1].root:
            self.qlinear_function(node)
            return
        self.levels[node.outputs[0]] = self.make.sum_of(node.outputs[0], terms, self.scale(step, zero), WHOLE)

    def qlinear_function(self, node: Node) -> None:
        """An elementwise function of one tensor, however often it is read."""
        *given, step, zero = node.inputs
        triples = [given[at : at + 3] for at in range(0, len(given), 3)]
        roots = {self.given(*triple).root for triple in triples if triple[0] not in self.file.weights}
        if len(roots) != 1:
            raise NotTaken("a function of several tensors")
        (root,) = roots
        name = node.outputs[0]
        self.levels[name] = self.make.function(name, self.levels[root], root, self.scale(step, zero))

    def qlinear_concat(self, node: Node) -> None:
        step, zero, *given = node.inputs
        parts = [self.given(*given[at : at + 3]) for at in range(0, len(given), 3)]
        _check_axis(node)
        self.levels[node.outputs[0]] = self.make.concat(node.outputs[0], parts, self.scale(step, zero))


def _check_axis(node: Node) -> None:
    if integer(node, "axis", 0) not in (1, -3):
        raise NotTaken("a concatenation along another axis than the channels")


TAKE: dict[str, Callable[[_Builder, Node], None]] = {
    "QuantizeLinear": _Builder.quantize,
    "DequantizeLinear": _Builder.dequantize,
    "QLinearConv": _Builder.qlinear_conv,
    "QLinearAdd": _Builder.qlinear_addition,
    "QLinearConcat": _Builder.qlinear_concat,
    **dict.fromkeys(("QLinearSigmoid", "QLinearLeakyRelu", "QLinearMul"), _Builder.qlinear_function),
    "Conv": _Builder.conv,
    "Add": _Builder.addition,
    "Relu": _Builder.clip,
    "Clip": _Builder.clip,
    "MaxPool": _Builder.max_pool,
    "Resize": _Builder.resize,
    "Concat": _Builder.concat,
}
