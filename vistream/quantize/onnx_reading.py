"""Whether an ONNX file is read here as onnxruntime reads it: both compute the file's body for one picture, in float.

An operation has attributes, and forms of its inputs, by the dozen. What is misread in one of them would be quantised
faithfully, and stream exactly, and be wrong: so each file is held to the runtime that it is written for, once.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.errors import VistreamError
from vistream.models.onnx_file import DTYPES, Node, OnnxFile
from vistream.models.onnx_session import OnnxSession
from vistream.models.onnx_wire import fields, integer
from vistream.quantize.onnx_attributes import Unsupported
from vistream.quantize.onnx_module import Facts, OnnxModule, Step, image_of
from vistream.quantize.onnx_part import Fed, nodes_behind, part_of

log = logging.getLogger("vistream")

Array = NDArray[np.generic]
NUMBERS = {np.dtype(kind): number for number, kind in DTYPES.items()}
EXACT, HALF = 1e-3, 5e-2  # of a value's size: how far it may be off, and where the file computes in float16
TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Reading:
    """`leaving`: type and shape of the tensors that leave a body, by name; `misread`: its nodes, by their first
    outputs, that are read otherwise than they are meant."""

    leaving: Mapping[str, Fed]
    misread: frozenset[str] = field(default_factory=frozenset)


def read_beside_onnxruntime(file: OnnxFile, facts: Facts, module: OnnxModule, names: Sequence[str]) -> Reading:
    """Compare what `module`, the body, gives for a random picture with what onnxruntime gives.

    `names`: of the values that leave the body. Where onnxruntime can't run the body, the log says so.
    """
    image = image_of(file)
    shape = facts.shapes[image.name]
    sample = torch.rand(shape, generator=torch.Generator().manual_seed(0)).numpy().astype(DTYPES[image.dtype])
    with torch.no_grad():
        ours = module(torch.from_numpy(sample.astype(np.float32)))
    given = {image.name: sample}
    try:
        theirs = values_of(file, given, names)
    except VistreamError as error:
        log.info("%s: how it is read here could not be compared with onnxruntime: %s", file.path, error)
        return Reading({name: Fed(image.dtype, facts.shapes[name]) for name in names})
    leaving = {name: Fed(NUMBERS[value.dtype], facts.shapes[name]) for name, value in theirs.items()}
    tolerance = HALF if NUMBERS[np.dtype(np.float16)] in _types(file) else EXACT
    if not any(_apart(ours[name], theirs[name], tolerance) for name in names):
        return Reading(leaving)
    nodes = [step.node for step in module.steps]
    between = [name for node in nodes for name in (*node.inputs, *node.outputs) if name in facts.shapes]
    values = given | values_of(file, given, sorted(set(between) - {image.name}))
    misread = frozenset(node.outputs[0] for node in nodes if _misreads(node, values, facts, tolerance))
    if not misread:
        log.info("%s: its numbers differ from onnxruntime's, for which no operation alone is to blame", file.path)
    return Reading(leaving, misread)


def values_of(file: OnnxFile, given: Mapping[str, Array], names: Sequence[str]) -> dict[str, Array]:
    """Values of the file by onnxruntime, from its image."""
    ((image, sample),) = given.items()
    nodes = nodes_behind(file, frozenset(given), names)
    part = part_of(file, nodes, {image: Fed(NUMBERS[sample.dtype], sample.shape)}, names)
    return OnnxSession(file, part)(given)


def _misreads(node: Node, values: Mapping[str, Array], facts: Facts, tolerance: float) -> bool:
    """Whether a node alone makes something else of what it reads, or nothing, where shapes were misread before it."""
    read = [
        None if not name else _real(values[name]) if name in values else facts.constants[name] for name in node.inputs
    ]
    try:
        with torch.no_grad():
            found = Step(node)(*read)
    except (Unsupported, RuntimeError, ValueError, IndexError, TypeError):
        return True
    outputs = zip(found, node.outputs, strict=False)
    return any(_apart(ours, values[name], tolerance) for ours, name in outputs if name in values)


def _real(value: Array) -> Tensor:
    return torch.from_numpy(value.astype(np.float32) if value.dtype == np.float16 else value.copy())


def _apart(ours: Tensor, theirs: Array, tolerance: float) -> bool:
    """Whether two tensors differ by more than a share of their size."""
    a, b = ours.to(torch.float64), torch.from_numpy(theirs.astype(np.float64))
    if a.shape != b.shape or not torch.equal(a.isfinite(), b.isfinite()):
        return True
    whole = b.isfinite()
    difference, size = ((part[whole] ** 2).sum().sqrt() for part in (a - b, b))
    return bool(difference > tolerance * size + TINY * whole.sum().sqrt())


def _types(file: OnnxFile) -> set[int]:
    """Of the file's inputs, outputs, weights and casts."""
    values = (*file.inputs, *file.outputs, *file.values.values())
    casts = {kind for node in file.nodes if node.op == "Cast" and isinstance(kind := node.attributes.get("to"), int)}
    return {value.dtype for value in values} | {integer(fields(one), 2) for one in file.weights.values()} | casts
