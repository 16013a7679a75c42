"""An ONNX file, or its first part, as a torch module: each node a child that is called by the node's name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from vistream.errors import VistreamError
from vistream.models.onnx_file import DTYPES, Node, OnnxFile, Value, unread
from vistream.quantize.onnx_attributes import Unsupported, integer, required
from vistream.quantize.onnx_operators import OPERATORS
from vistream.quantize.onnx_rewrite import rewritten

BEYOND = "what it reads can't be computed here"
FLOATS, BYTES = (1, 10), 2  # float32 and float16, and uint8, as in `DTYPES`
CHANNELS_FIRST = [0, 3, 1, 2]
EXPLICIT_SOFTMAX = 13  # the opset from which softmax works along one axis


class Step(nn.Module):
    """One node of the file; `forward` takes its inputs in order, None where one is left out."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.node = node

    def forward(self, *inputs: Tensor | None) -> tuple[Tensor, ...]:
        found = OPERATORS[self.node.op](self.node, inputs)
        return found if isinstance(found, tuple) else (found,)


class OnnxModule(nn.Module):
    """The nodes of a file that lead from its image to the values called `outputs`; returns these by name.

    `constants`: values that do not depend on the image. `titles`: the node by the name of the child that stands for it;
    `steps`: these children, in order.
    """

    def __init__(self, image: str, nodes: Sequence[Node], constants: dict[str, Tensor], outputs: Sequence[str]) -> None:
        super().__init__()
        self.titles: dict[str, Node] = {}
        self._image, self._outputs = image, tuple(outputs)
        self._constants = constants
        self.steps: list[Step] = []
        needed = set(outputs)
        for node in reversed(nodes):
            if needed.intersection(node.outputs):
                needed.update(name for name in node.inputs if name not in constants)
                self.steps.insert(0, Step(node))
        for number, step in enumerate(self.steps):
            title = title_of(step.node).replace(".", "_")
            title = title if title not in self.titles else f"{title}_{number}"
            self.titles[title] = step.node
            self.add_module(title, step)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        values = {**self._constants, self._image: x}
        for step in self.steps:
            found = step(*(values[name] if name else None for name in step.node.inputs))
            values.update(zip(step.node.outputs, found, strict=False))
        return {name: values[name] for name in self._outputs}

    def owner(self, name: str) -> Node | None:
        """The file's node that a node of the recorded graph belongs to; None for the image and for constants."""
        titles = [title for title in self.titles if name == title or name.startswith(tuple(title + c for c in ".:#"))]
        return self.titles[max(titles, key=len)] if titles else None


def title_of(node: Node) -> str:
    """What a user knows a node by."""
    return node.name or f"{node.op} {node.outputs[0]}"


def image_of(file: OnnxFile) -> Value:
    """The file's image, `1 x 3 x height x width` of floats: its one input, or what it makes of that first. Raises
    VistreamError where it wants something else."""
    if len(file.inputs) != 1:
        names = ", ".join(value.name for value in file.inputs)
        raise VistreamError(f"{file.path}: takes {len(file.inputs)} inputs ({names}); one image can be streamed")
    given = file.inputs[0]
    if DTYPES.get(given.dtype) is np.float64:
        raise VistreamError(f"{file.path}: its input is of double precision: export it in float32")
    image = _behind_front(file, given)
    if not _is_ordinary(image):
        raise VistreamError(
            f"{file.path}: its input is {given}, not 1 x 3 x height x width, of floats, nor made that at once by a "
            "Transpose or a Cast"
        )
    return image


def _behind_front(file: OnnxFile, image: Value) -> Value:
    """Where the file begins by transposing its image, or by taking bytes for numbers, what comes of it: the same pixels
    in the usual form."""
    while not _is_ordinary(image):
        readers, shape = [node for node in file.nodes if image.name in node.reads], image.shape or ()
        if len(readers) != 1 or image.dtype not in (*FLOATS, BYTES):
            break
        (node,) = readers
        if node.op == "Cast" and node.attributes.get("to") in FLOATS:
            image = Value(node.outputs[0], integer(node, "to", 1), shape)
        elif node.op == "Transpose" and node.attributes.get("perm") == CHANNELS_FIRST and len(shape) == 4:
            image = Value(node.outputs[0], image.dtype, tuple(shape[axis] for axis in CHANNELS_FIRST))
        else:
            break
    return image


def _is_ordinary(image: Value) -> bool:
    shape = image.shape or ()
    return len(shape) == 4 and shape[0] in (1, -1) and shape[1] in (1, 3) and image.dtype in FLOATS


@dataclass
class Facts:
    """What one run of a whole file tells, at one size.

    `nodes`: of the file, rewritten; `constants`: values that do not depend on the image; `shapes`: of those that do, as
    far as they can be computed here; `why`: what each node that can't be is refused for, by its first output, and each
    weight, by its name.
    """

    constants: dict[str, Tensor] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    nodes: Sequence[Node] = ()


def facts_of(file: OnnxFile, size: tuple[int, int]) -> Facts:
    """Run a file on a grey image of `size` (rows, columns), as far as its operations are known here."""
    constants, why = _weights(file)
    facts = Facts(constants, why=why, nodes=_rewritten(file, constants))
    image = image_of(file)
    channels = (image.shape or (1, 3))[1]
    values: dict[str, Tensor] = {image.name: torch.full((1, channels, *size), 0.5)}
    facts.shapes[image.name] = (1, channels, *size)
    last = {name: number for number, node in enumerate(facts.nodes) for name in node.inputs}
    with torch.no_grad():
        for number, node in enumerate(facts.nodes):
            _run(file, node, values, facts)
            for name in [name for name in node.inputs if last[name] == number]:
                values.pop(name, None)
    return facts


def _run(file: OnnxFile, node: Node, values: dict[str, Tensor], facts: Facts) -> None:
    """Run one node: what it gives goes to the constants, or to `values`, or it can't be run, and the reason is kept."""
    missing = [name for name in node.inputs if name and name not in values and name not in facts.constants]
    try:
        if missing:
            reasons = [facts.why[name] for name in missing if name in facts.why]
            raise Unsupported(_beyond(reasons))
        inputs = [facts.constants.get(name, values.get(name)) if name else None for name in node.inputs]
        _check(file, node, inputs)
        found = Step(node)(*inputs)
    except Unsupported as error:
        facts.why[node.outputs[0]] = str(error)
        return
    except (RuntimeError, ValueError, IndexError, TypeError, KeyError, OverflowError) as error:
        facts.why[node.outputs[0]] = (str(error).splitlines() or [type(error).__name__])[0][:200]
        return
    steady = not any(name in values for name in node.inputs) or node.op in ("Shape", "Size")
    for name, value in zip(node.outputs, found, strict=False):
        if steady:
            facts.constants[name] = value
        else:
            values[name] = value
            facts.shapes[name] = tuple(value.shape)


def _beyond(reasons: Sequence[str]) -> str:
    """Why a node can't be run that reads what can't be computed for `reasons`: the first of all, however far it is."""
    if not reasons or reasons[0].startswith(BEYOND):
        return reasons[0] if reasons else BEYOND
    return f"{BEYOND} ({reasons[0]})"


def _check(file: OnnxFile, node: Node, inputs: Sequence[Tensor | None]) -> None:
    if node.domain not in ("", "ai.onnx") or node.op not in OPERATORS:
        raise Unsupported(f"{node.op} has no counterpart here")
    if len(node.outputs) > 1 and node.op not in ("Split",) and any(node.outputs[1:]):
        raise Unsupported(f"{node.op} with several outputs")
    old = file.opsets.get("", file.opsets.get("ai.onnx", 1)) < EXPLICIT_SOFTMAX
    if node.op == "Softmax" and old:
        axes = max(required(inputs, 0).dim(), 1)
        if integer(node, "axis", 1) % axes != axes - 1:
            raise Unsupported("softmax over several axes")


def _weights(file: OnnxFile) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The file's weights, and why others can't be read: that matters where they are needed."""
    found, why = {}, {}
    for name, encoded in file.weights.items():
        reason = unread(encoded)
        if reason is not None:
            why[name] = reason
            continue
        array = file.weight(name)
        found[name] = torch.from_numpy(array.astype("f4") if array.dtype.kind == "f" else array.copy())
    return found, why


def _rewritten(file: OnnxFile, constants: dict[str, Tensor]) -> list[Node]:
    """The file's nodes, with those that are spelled out as one."""
    known = dict(constants)
    for node in file.nodes:
        value = node.attributes.get("value") if node.op == "Constant" else None
        if isinstance(value, np.ndarray):
            known[node.outputs[0]] = torch.as_tensor(value)
    lists = {name: value.reshape(-1).tolist() for name, value in known.items() if value.dtype == torch.int64}
    return rewritten(file.nodes, lists)
