"""Where an ONNX file is cut: its body goes into the integer network, its tail stays with onnxruntime.

The body reaches from the image as far as the integer network can take the file's operations, and no further than the
last convolution or linear layer of each path: decoding boxes, sigmoids and softmaxes at the end cost little and lose
much in eight bits. What it can only run in float as a whole (an island) belongs to it where enough work comes behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from vistream.errors import VistreamError
from vistream.models.onnx_file import Node, OnnxFile
from vistream.quantize.lower import lower
from vistream.quantize.onnx_left import macs, obstacle
from vistream.quantize.onnx_module import Facts, OnnxModule, facts_of, image_of
from vistream.quantize.onnx_part import Fed, nodes_behind
from vistream.quantize.onnx_reading import read_beside_onnxruntime
from vistream.quantize.program import FloatIsland, Program
from vistream.quantize.record import record

WORTH = 0.05  # of the body's multiply-accumulates: what must come behind an island
WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")


@dataclass(frozen=True, eq=False)
class Split:
    """A file cut in two.

    `program`: of the body; its outputs are called as in the file. `leaving`: what they are there, by name. `rest`: the
    nodes that the file's outputs need beside these. `facts`: of the file; with why nodes are refused.
    """

    program: Program
    leaving: Mapping[str, Fed]
    rest: tuple[Node, ...]
    facts: Facts


def split(file: OnnxFile, size: tuple[int, int]) -> Split:
    """Cut a file for frames of `size` (rows, columns); raises VistreamError where nothing of it can be taken."""
    facts = facts_of(file, size)
    image = image_of(file).name
    barred: set[str] = set()
    sample = torch.randn(facts.shapes[image], generator=torch.Generator().manual_seed(0))
    while body := _body(file, facts, barred):
        reads = _left(file, body)
        module = OnnxModule(image, body, facts.constants, reads)
        reading = read_beside_onnxruntime(file, facts, module, reads)
        if reading.misread:
            facts.why.update((name, "it is read otherwise here than onnxruntime does") for name in reading.misread)
            barred |= reading.misread
            continue
        program = lower(record(module, sample))
        cheap = _cheap_islands(program, module, body, facts)
        if not cheap:
            rest = nodes_behind(file, frozenset([*reads, image]), [value.name for value in file.outputs])
            return Split(program, reading.leaving, tuple(rest), facts)
        facts.why.update((name, "it would have to run in float, for too little work behind it") for name in cheap)
        barred |= cheap
    first = obstacle(facts.nodes, image, facts.why) or "it has no convolution and no linear layer"
    raise VistreamError(f"{file.path}: the integer network can take nothing of it ({first})")


def _cheap_islands(program: Program, module: OnnxModule, body: Sequence[Node], facts: Facts) -> set[str]:
    """The nodes, by their first outputs, of islands behind which too little work is left to make up for them."""
    work = {node.outputs[0]: _macs(node, facts) for node in body}
    found: set[str] = set()
    for layer in program.layers:
        if not isinstance(layer, FloatIsland):
            continue
        inside = {node.outputs[0] for node in map(module.owner, (part.name for part in layer.piece.nodes)) if node}
        reached = set(inside)
        for node in body:
            if reached.intersection(node.inputs):
                reached.update(node.outputs)
        behind = sum(macs for name, macs in work.items() if name in reached and name not in inside)
        if behind < WORTH * sum(work.values()):
            found |= inside
    return found


def _macs(node: Node, facts: Facts) -> int:
    """Multiply-accumulates of a node with weights."""
    if node.op not in WEIGHTED or node.inputs[1] not in facts.constants:
        return 0
    weight = tuple(facts.constants[node.inputs[1]].shape)
    return macs(node.op, facts.shapes[node.inputs[0]], weight, facts.shapes[node.outputs[0]])


def _body(file: OnnxFile, facts: Facts, barred: set[str]) -> list[Node]:
    """The nodes that lead from the image to a last layer with weights, without those that are barred."""
    within = {image_of(file).name}
    taken = []
    for node in facts.nodes:
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
    inside = {node.outputs[0] for node in body}
    outside = {name for node in file.nodes if node.outputs[0] not in inside for name in node.reads}
    outside |= {value.name for value in file.outputs}
    return [name for node in body for name in node.outputs if name in outside]
