"""What of an ONNX file stays with onnxruntime: which operation ends the body, and how much work comes behind it."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from vistream.models.onnx_file import DTYPES, Node, OnnxFile
from vistream.quantize.onnx_module import image_of, title_of
from vistream.quantize.onnx_part import nodes_behind
from vistream.quantize.onnx_reading import values_of

log = logging.getLogger("vistream")

WEIGHTS = {"Conv": 1, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1, "QLinearConv": 3}
"""Which input of an operation its weights are."""

SAID = 0.01  # of the multiply-accumulates: so much is worth a line

Shape = tuple[int, ...]


def obstacle(nodes: Sequence[Node], image: str, why: Mapping[str, str], wanted: Collection[str] = ()) -> str | None:
    """The first operation that ends the body, and the reason; None where there is none.

    It depends on the image, and all that it needs of that was taken. `why`: what each node that was not taken is
    refused for, by its first output; `wanted`: only nodes with one of these for their first output count, if any.
    """
    depending, taken = {image}, {image}
    for node in nodes:
        sources = depending.intersection(node.reads)
        if not sources:
            continue
        depending.update(node.outputs)
        if not sources <= taken:
            continue
        if node.outputs[0] not in why:
            taken.update(node.outputs)
        elif not wanted or node.outputs[0] in wanted:
            return f"{title_of(node)}: {why[node.outputs[0]]}"
    return None


def announce(
    file: OnnxFile,
    nodes: Sequence[Node],
    rest: Sequence[Node],
    why: Mapping[str, str],
    known: Mapping[str, Shape],
    size: tuple[int, int],
) -> None:
    """Say in the log how much of a file's work stays with onnxruntime, and why, unless that is next to nothing.

    `nodes`: of the file, `rest`: those that stay; `why`: see `obstacle`; `known`: shapes of values; `size`: rows and
    columns of the image.
    """
    image = image_of(file).name
    left = {node.outputs[0] for node in weighted(nodes, image)} & {node.outputs[0] for node in rest}
    if not left:
        return
    work = multiplications(file, weighted(nodes, image), known, size)
    share = sum(work[name] for name in left) / max(sum(work.values()), 1)
    if share < SAID:
        return
    leading = {node.outputs[0] for node in nodes_behind(file, frozenset(), sorted(left))}
    cause = obstacle(nodes, image, why, leading)
    because = "" if cause is None else f", because of {cause}"
    log.warning("%s: %.0f %% of the work stays with onnxruntime%s", file.path.name, 100 * share, because)


def weighted(nodes: Sequence[Node], image: str) -> list[Node]:
    """Those that multiply what depends on the image by weights."""
    depending, found = {image}, list[Node]()
    for node in nodes:
        if not depending.intersection(node.reads):
            continue
        depending.update(node.outputs)
        place = WEIGHTS.get(node.op)
        if place is not None and node.inputs[place] not in depending:
            found.append(node)
    return found


def multiplications(
    file: OnnxFile, nodes: Sequence[Node], known: Mapping[str, Shape], size: tuple[int, int]
) -> dict[str, int]:
    """Multiply-accumulates of nodes with weights, by their first outputs."""
    told = {name: value.shape for name, value in file.values.items() if value.shape and min(value.shape) > 0}
    shapes: dict[str, Shape] = told | {value.name: value.shape for value in file.outputs if value.shape} | dict(known)
    read = {name for node in nodes for name in (node.inputs[0], node.inputs[WEIGHTS[node.op]], node.outputs[0])}
    shapes |= {name: file.weight_shape(name) for name in read & set(file.weights)}
    image = image_of(file)
    shapes[image.name] = (1, (image.shape or (1, 3))[1], *size)
    if missing := sorted(name for name in read if name not in shapes or min(shapes[name], default=1) < 1):
        sample = np.zeros(shapes[image.name], DTYPES[image.dtype])
        shapes |= {name: value.shape for name, value in values_of(file, {image.name: sample}, missing).items()}
    return {
        node.outputs[0]: macs(
            node.op, *(shapes[name] for name in (node.inputs[0], node.inputs[WEIGHTS[node.op]], node.outputs[0]))
        )
        for node in nodes
    }


def macs(op: str, given: Shape, weight: Shape, gives: Shape) -> int:
    """Multiply-accumulates of an operation with weights, from the shapes of its input, its weights and its output."""
    if op == "ConvTranspose":
        return math.prod(given) * math.prod(weight[1:])
    return math.prod(gives) * (math.prod(weight[1:]) if op in ("Conv", "QLinearConv") else given[-1])
