"""Some nodes of an ONNX file as a model of their own, for onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vistream.models.onnx_file import Node, OnnxFile
from vistream.models.onnx_wire import field, fields, string
from vistream.quantize.onnx_inline import whole_node, whole_weight


@dataclass(frozen=True, slots=True)
class Fed:
    """A tensor that a part is fed with: `dtype` as in `DTYPES`."""

    dtype: int
    shape: tuple[int, ...]


def nodes_behind(file: OnnxFile, given: frozenset[str], wanted: Sequence[str]) -> list[Node]:
    """The nodes that compute the values `wanted` from those `given`, and from weights."""
    needed = set(wanted)
    found = []
    for node in reversed(file.nodes):
        if any(name in needed and name not in given for name in node.outputs):
            found.append(node)
            needed.update(node.reads)
    return found[::-1]


def part_of(file: OnnxFile, nodes: Sequence[Node], fed: Mapping[str, Fed], outputs: Sequence[str]) -> bytes:
    """The model of `nodes` with the inputs `fed` and these outputs."""
    model = fields(file.encoded)
    shown = {string(fields(value), 1): value for value in fields(model[7][0])[12]}
    read = {name for node in nodes for name in node.reads}.union(outputs)
    parts = [
        *(field(1, whole_node(file, node)) for node in nodes),
        field(2, "part"),
        *(field(5, whole_weight(file, name)) for name in file.weights if name in read),
        *(field(11, _value(name, tensor)) for name, tensor in fed.items()),
        *(field(12, shown.get(name, field(1, name))) for name in outputs),
    ]
    kept = [field(number, value) for number in (8, 25) for value in model.get(number, [])]
    return field(1, file.ir_version) + b"".join(kept) + field(7, b"".join(parts))


def _value(name: str, tensor: Fed) -> bytes:
    """A ValueInfoProto of a tensor."""
    sides = b"".join(field(1, field(1, side)) for side in tensor.shape)
    return field(1, name) + field(2, field(1, field(1, tensor.dtype) + field(2, sides)))
