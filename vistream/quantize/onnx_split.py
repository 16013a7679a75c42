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
from vistream.quantize.lower import Refused, lower
from vistream.quantize.onnx_module import Facts, OnnxModule, facts_of, image_of, title_of
from vistream.quantize.onnx_part import nodes_behind
from vistream.quantize.program import Program
from vistream.quantize.record import record

WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")


@dataclass(frozen=True, eq=False)
class Split:
    """A file cut in two.

    `program`: of the body; its outputs are called, and in `shapes` shaped, as in the file. `rest`: the nodes that the
    file's outputs need beside these. `refused`: the operations at which the body ends before the file does, and why.
    """

    program: Program
    shapes: Mapping[str, tuple[int, ...]]
    rest: tuple[Node, ...]
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
        rest = nodes_behind(file, frozenset(reads), [value.name for value in file.outputs])
        return Split(program, {name: facts.shapes[name] for name in reads}, tuple(rest), refused)


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
