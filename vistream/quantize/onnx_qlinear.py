"""Operations of quantised ONNX files that take and give integers, such as QLinearConv: one entry each.

An entry takes what is known of the file's tensors and a node, and adds what the node gives; it raises `NotTaken` where
that can't be said.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vistream.models.onnx_file import Node
from vistream.quantize.onnx_levels import NotTaken
from vistream.quantize.onnx_quantized_layers import WHOLE, check_axis
from vistream.quantize.onnx_quantized_tensors import KnownTensors


def _conv(known: KnownTensors, node: Node) -> None:
    x, x_step, x_zero, w, w_step, w_zero, y_step, y_zero, *bias = node.inputs
    source = known.given(x, x_step, x_zero)
    weight = (known.array(w), known.array(w_step).astype(np.float32), known.array(w_zero))
    name, scale = node.outputs[0], known.scale(y_step, y_zero)
    given = known.array(bias[0]) if bias and bias[0] else None
    known.levels[name] = known.make.convolution(node, name, source, weight, given, scale, WHOLE)


def _addition(known: KnownTensors, node: Node) -> None:
    a, a_step, a_zero, b, b_step, b_zero, step, zero = node.inputs
    terms = [known.given(a, a_step, a_zero), known.given(b, b_step, b_zero)]
    if terms[0].root == terms[1].root:
        _function(known, node)
        return
    known.levels[node.outputs[0]] = known.make.sum_of(node.outputs[0], terms, known.scale(step, zero), WHOLE)


def _function(known: KnownTensors, node: Node) -> None:
    """An elementwise function of one tensor, however often it is read."""
    *given, step, zero = node.inputs
    triples = [given[at : at + 3] for at in range(0, len(given), 3)]
    roots = {known.given(*triple).root for triple in triples if triple[0] not in known.file.weights}
    if len(roots) != 1:
        raise NotTaken("a function of several tensors")
    (root,) = roots
    name = node.outputs[0]
    known.levels[name] = known.make.function(name, known.levels[root], root, known.scale(step, zero))


def _concat(known: KnownTensors, node: Node) -> None:
    step, zero, *given = node.inputs
    parts = [known.given(*given[at : at + 3]) for at in range(0, len(given), 3)]
    check_axis(node)
    known.levels[node.outputs[0]] = known.make.concat(node.outputs[0], parts, known.scale(step, zero))


QLINEAR: dict[str, Callable[[KnownTensors, Node], None]] = {
    "QLinearConv": _conv,
    "QLinearAdd": _addition,
    "QLinearConcat": _concat,
    **dict.fromkeys(("QLinearSigmoid", "QLinearLeakyRelu", "QLinearMul"), _function),
}
