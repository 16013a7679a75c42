"""ONNX files that are quantised already: their own scales, zero points and weights, as an integer network.

Both forms are read: operations between DequantizeLinear and QuantizeLinear (QDQ), and QLinearConv. The network gives
the integers that onnxruntime gives: its convolution is one exact sum, one product in float32, rounded half to even; its
elementwise functions are tables, which onnxruntime itself fills here. A file's unsigned levels q are q - 128 here.

The body reaches as far as operations are known; behind it, onnxruntime goes on from the same integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vistream.errors import VistreamError
from vistream.ir.network import IntegerNetwork, Output
from vistream.ir.operations import Neuron
from vistream.models.onnx_file import Node, OnnxFile
from vistream.quantize.onnx_left import obstacle
from vistream.quantize.onnx_levels import Levels, NotTaken
from vistream.quantize.onnx_module import image_of
from vistream.quantize.onnx_part import nodes_behind
from vistream.quantize.onnx_qdq import QDQ
from vistream.quantize.onnx_qlinear import QLINEAR
from vistream.quantize.onnx_quantized_tensors import KnownTensors
from vistream.quantize.ranges import Preprocess

OPERATIONS = {**QDQ, **QLINEAR}


@dataclass(frozen=True, eq=False)
class QuantisedFile:
    """The integer network of a quantised file's body; `crossing`: the integer tensors that leave it, by name;
    `why`: what each node that is not in it is refused for, by its first output."""

    network: IntegerNetwork
    crossing: Mapping[str, Levels]
    rest: tuple[Node, ...]
    why: Mapping[str, str]


def is_quantised(file: OnnxFile) -> bool:
    """Whether activations, not only weights, are quantised."""
    return any(op in ("QuantizeLinear", "QLinearConv") for _, op in file.operations)


def read_quantised(file: OnnxFile, preprocess: Preprocess) -> QuantisedFile:
    """The body of a quantised file; raises VistreamError where nothing of it can be taken."""
    known, refused = KnownTensors(file, preprocess), dict[str, str]()
    for node in file.nodes:
        try:
            if node.op not in OPERATIONS:
                raise NotTaken(f"{node.op} has no counterpart here")
            OPERATIONS[node.op](known, node)
        except NotTaken as reason:
            refused[node.outputs[0]] = str(reason)
    outputs = [value.name for value in file.outputs]
    rest = nodes_behind(file, frozenset([*known.levels, image_of(file).name]), outputs)
    read = {name for node in rest for name in node.reads} | set(outputs)
    crossing = {name: levels for name, levels in known.levels.items() if name in read}
    if not any(isinstance(layer, Neuron) and layer.synapses[0].weight is not None for layer in known.make.layers):
        first = obstacle(file.nodes, image_of(file).name, refused) or "no convolution is quantised"
        raise VistreamError(f"{file.path}: the integer network can take nothing of it ({first})")
    named = tuple(Output(name, levels.layer, float(levels.scale.step)) for name, levels in crossing.items())
    return QuantisedFile(IntegerNetwork(tuple(known.make.layers), named), crossing, tuple(rest), refused)
