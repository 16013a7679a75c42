"""Where an ONNX file is cut: its body goes into the integer network, its tail stays with onnxruntime.

The body reaches from the image as far as the integer network can take the file's operations, and no further than the
last convolution or linear layer of each path: decoding boxes, sigmoids and softmaxes at the end cost little and lose
much in eight bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from vistream.errors import VistreamError
from vistream.models.onnx_file import Node, OnnxFile
from vistream.models.onnx_wire import field, fields, integer, string
from vistream.quantize.lower import Refused, lower
from vistream.quantize.onnx_module import Facts, OnnxModule, facts_of, image_of, title_of
from vistream.quantize.program import Program
from vistream.quantize.record import record

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")


@dataclass(frozen=True, eq=False)
class Split:
    """A file cut in two, for frames of `size` (rows, columns).

    `program`: of the body; its outputs are called, and in `shapes` shaped, as in the file. `tail`: the rest as an ONNX
    model that takes these, and the image if `reads_image`; None where nothing is left. `refused`: the operations at
    which the body ends before the file does, and why.
    """

    size: tuple[int, int]
    program: Program
    shapes: Mapping[str, tuple[int, ...]]
    tail: bytes | None
    reads_image: bool
    refused: Mapping[str, str]


def split(file: OnnxFile, size: tuple[int, int]) -> Split:
    """Cut a file for frames of `size` (rows, columns); raises VistreamError where nothing of it can be taken."""
    facts = facts_of(file, size)
    image = image_of(file).name
    barred: set[str] = set()
    refused: dict[str, str] = {}
    sample = torch.randn(facts.shapes[image], generator=torch.Generator().manual_seed(0))
    while True:
        body = _body(file, facts, barred)
        if not body:
            reasons = refused or {name: why for name, why in facts.why.items() if why}
            first = next((f"{name}: {why}" for name, why in reasons.items()), "it has no convolution")
            raise VistreamError(f"{file.path}: the integer network can take nothing of it ({first})")
        reads = _left(file, body)
        module = OnnxModule(image, body, facts.constants, reads)
        try:
            program = lower(record(module, sample))
        except Refused as error:
            node = module.owner(error.node)
            barred.add(node.outputs[0])
            refused[title_of(node)] = error.what
            continue
        rest = _rest(file, body)
        reads_image = any(image in node.inputs for node in rest)
        fed = [*reads, image] if reads_image else reads
        tail = _tail(file, rest, {name: facts.shapes[name] for name in fed}) if rest else None
        return Split(size, program, {name: facts.shapes[name] for name in reads}, tail, reads_image, refused)


def _body(file: OnnxFile, facts: Facts, barred: set[str]) -> list[Node]:
    """The nodes that lead from the image to a last layer with weights, without those that are barred."""
    within = {image_of(file).name}
    taken = []
    for node in file.nodes:
        sources = [name for name in node.inputs if name and name not in facts.constants]
        known = all(name in facts.shapes for name in node.outputs[:1]) and all(name in within for name in sources)
        if known and node.outputs[0] not in barred:
            taken.append(node)
            within.update(node.outputs)
    needed: set[str] = set()
    body = []
    for node in reversed(taken):
        weighted = node.op in WEIGHTED and node.inputs[1] in facts.constants
        if weighted or needed.intersection(node.outputs):
            body.append(node)
            needed.update(node.inputs)
    return body[::-1]


def _left(file: OnnxFile, body: Sequence[Node]) -> list[str]:
    """The values of the body that leave it, in the file's order."""
    inside = {id(node) for node in body}
    outside = {name for node in file.nodes if id(node) not in inside for name in node.inputs}
    outside |= {value.name for value in file.outputs}
    return [name for node in body for name in node.outputs if name in outside]


def _rest(file: OnnxFile, body: Sequence[Node]) -> list[Node]:
    """The nodes that compute the file's outputs from what leaves the body."""
    inside = {id(node) for node in body}
    needed = {value.name for value in file.outputs}
    rest = []
    for node in reversed(file.nodes):
        if id(node) not in inside and needed.intersection(node.outputs):
            rest.append(node)
            needed.update(node.inputs)
    return rest[::-1]


def _tail(file: OnnxFile, rest: Sequence[Node], fed: Mapping[str, tuple[int, ...]]) -> bytes:
    """The model of some nodes with inputs `fed`, name to shape, and the file's outputs.

    What a value of the body is computed from may stand there too: onnxruntime leaves out what nothing needs.
    """
    model = fields(file.encoded)
    graph = fields(model[7][0])
    read = {name for node in rest for name in node.inputs}
    kind = image_of(file).dtype
    values = [_value(name, kind, shape) for name, shape in fed.items()]
    weights = [_inline(file, name) for name in file.weights if name in read]
    parts = [field(1, node.encoded) for node in rest]
    parts += [field(2, "tail"), *(field(5, weight) for weight in weights)]
    parts += [field(11, value) for value in values]
    given = {name for node in rest for name in node.outputs}
    parts += [field(12, output) for output in graph[12] if string(fields(output), 1) in given]
    kept = [field(number, value) for number in (8, 25) for value in model.get(number, [])]
    return field(1, file.ir_version) + b"".join(kept) + field(7, b"".join(parts))


def _inline(file: OnnxFile, name: str) -> bytes | memoryview:
    """A weight as it is encoded, with its data where they lay in another file."""
    encoded = file.weights[name]
    if integer(fields(encoded), 14) == 0:
        return encoded
    array = file.weight(name)
    sides = b"".join(field(1, side) for side in array.shape)
    kind = field(2, integer(fields(encoded), 2))
    return sides + kind + field(8, name) + field(9, array.tobytes())


def _value(name: str, kind: int, shape: tuple[int, ...]) -> bytes:
    """A ValueInfoProto of a tensor."""
    sides = b"".join(field(1, field(1, side)) for side in shape)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, sides)))
