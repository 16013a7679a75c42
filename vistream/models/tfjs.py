"""Run TensorFlow.js graph models (`model.json` and its weights beside it) in torch.

The format is that of tensorflowjs_converter: a frozen GraphDef as JSON, and a manifest that says which bytes
of which file hold each weight. Reading executes nothing: no code, no pickle. Only the operations listed in
`tfjs_operations.py` are known; any other is refused by name when the file is read.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection
from pathlib import Path
from typing import TypedDict, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.errors import VistreamError
from vistream.models.tfjs_operations import OPERATIONS, Attribute, Node, Result, Unsupported

Json = dict[str, object]
CONVOLUTIONS = ("Conv2D", "_FusedConv2D", "DepthwiseConv2dNative", "FusedDepthwiseConv2dNative")
ANY_MAP = (-1, -1, -1, -1)
STORED = {name: name for name in ("float16", "float32", "int32", "uint8", "uint16", "bool")}
"""The types of numbers that weights files hold."""


class TfjsGraph:
    """A graph model, ready to run; made by `load_tfjs`.

    `inputs` and `outputs` map the names of the model's signature to tensors of the graph; `shapes` gives each
    input's shape, -1 where any size will do. Tensors are in TensorFlow's layout.
    """

    def __init__(
        self,
        path: Path,
        nodes: list[Node],
        weights: dict[str, Tensor],
        inputs: dict[str, str],
        outputs: dict[str, tuple[str, int]],
        shapes: dict[str, tuple[int, ...]],
    ) -> None:
        self.inputs, self.outputs, self.shapes = inputs, outputs, shapes
        self.path, self.nodes, self.weights = path, nodes, weights

    @torch.inference_mode()
    def __call__(self, inputs: Tensor | dict[str, Tensor]) -> dict[str, Tensor]:
        """All outputs by name. `inputs`: a tensor for each input by name, or the tensor of a model with one.

        Raises ValueError where names or shapes are not those of the model, VistreamError where the graph asks
        for a variant of an operation that is not known here.
        """
        values: dict[str, Result] = {**self.weights, **self._fed(inputs)}
        for node in self.nodes:
            arguments = [_pick(values[name], which) for name, which in node.inputs]
            try:
                values[node.name] = OPERATIONS[node.op](node, arguments)
            except Unsupported as error:
                raise VistreamError(f"{self.path}: {node.op} with {error} (node {node.name}) is not known") from error
        return {name: _pick(values[source], which) for name, (source, which) in self.outputs.items()}

    def behind(self, names: Collection[str]) -> TfjsGraph:
        """The part of the graph that is left where the values of these nodes are given.

        Those that it needs are further inputs of it, under their own names, of any size.
        """
        known = {*self.weights, *self.inputs.values(), *names}
        nodes = _ordered(self.nodes, known, [name for name, _ in self.outputs.values()])
        read = {name for node in nodes for name, _ in node.inputs} | {name for name, _ in self.outputs.values()}
        given = {name: name for name in names if name in read}
        shapes = self.shapes | dict.fromkeys(given, ANY_MAP)
        return TfjsGraph(self.path, nodes, self.weights, self.inputs | given, self.outputs, shapes)

    def _fed(self, inputs: Tensor | dict[str, Tensor]) -> dict[str, Tensor]:
        given = {next(iter(self.inputs)): inputs} if isinstance(inputs, Tensor) else inputs
        if set(given) != set(self.inputs):
            raise ValueError(f"inputs are {sorted(self.inputs)}, not {sorted(given)}")
        for name, tensor in given.items():
            shape = self.shapes[name]
            fits = len(shape) == tensor.ndim and all(
                want in (-1, have) for want, have in zip(shape, tensor.shape, strict=True)
            )
            if not fits:
                raise ValueError(f"input {name} has shape {shape}, not {tuple(tensor.shape)}")
        return {self.inputs[name]: tensor for name, tensor in given.items()}


def _pick(result: Result, which: int) -> Tensor:
    return result[which] if isinstance(result, tuple) else result


def load_tfjs(json_path: Path, free_axes: tuple[int, ...] = ()) -> TfjsGraph:
    """Read a graph model; its weights file must lie in the same folder.

    `free_axes`: of the inputs, whose declared sizes don't bind: those a fully convolutional network slides over.
    Raises VistreamError: not such a model, cut short, or with an operation that is not known here.
    """
    try:
        model = json.loads(json_path.read_text(encoding="utf-8"))
        weights = _read_weights(json_path.parent, model["weightsManifest"])
        nodes = [_node(raw) for raw in model["modelTopology"]["node"]]
        signature = model.get("signature") or model["userDefinedMetadata"]["signature"]
        inputs = {name: _reference(spec["name"])[0] for name, spec in signature["inputs"].items()}
        outputs = {name: _reference(spec["name"]) for name, spec in signature["outputs"].items()}
        placeholders = {node.name: node for node in nodes if node.op == "Placeholder"}
        shapes = {
            name: tuple(-1 if axis in free_axes else n for axis, n in enumerate(placeholders[source].integers("shape")))
            for name, source in inputs.items()
        }
    except OSError as error:
        raise VistreamError(f"{error.filename}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, Unsupported) as error:
        raise VistreamError(f"{json_path}: not a tfjs graph model ({type(error).__name__}: {error})") from error
    try:
        steps = _ordered(nodes, set(weights) | set(inputs.values()), [name for name, _ in outputs.values()])
    except Unsupported as error:
        raise VistreamError(f"{json_path}: {error}") from error
    return TfjsGraph(json_path, steps, _filters_first(steps, weights), inputs, outputs, shapes)


def _node(raw: Json) -> Node:
    """A node of the GraphDef; control inputs (`^name`) order side effects, of which these graphs have none."""
    references = [str(name) for name in cast(list[object], raw.get("input", []))]
    attributes = cast(dict[str, Json], raw.get("attr", {}))
    return Node(
        str(raw["name"]),
        str(raw["op"]),
        tuple(_reference(name) for name in references if not name.startswith("^")),
        {key: value for key, raw_value in attributes.items() if (value := _attribute(raw_value)) is not None},
    )


def _reference(text: str) -> tuple[str, int]:
    name, _, which = text.partition(":")
    return name, int(which or 0)


def _attribute(raw: Json) -> Attribute | None:
    """An AttrValue of the GraphDef, as tfjs writes it in JSON; None for kinds that no operation reads."""
    if "s" in raw:
        return base64.b64decode(str(raw["s"])).decode()
    if "b" in raw:
        return bool(raw["b"])
    if "i" in raw:
        return int(str(raw["i"]))
    if "f" in raw:
        return float(str(raw["f"]))
    if "type" in raw:
        return str(raw["type"])
    if "shape" in raw:
        dims = cast(dict[str, list[dict[str, str]]], raw["shape"]).get("dim", [])
        return [int(dim["size"]) for dim in dims]
    if "list" in raw:
        items = cast(dict[str, list[object]], raw["list"])
        if "s" in items:
            return [base64.b64decode(str(item)).decode() for item in items["s"]]
        return [int(str(item)) for item in items.get("i", [])]
    return None


class Quantization(TypedDict, total=False):
    dtype: str
    scale: float
    min: float


def _read_weights(folder: Path, manifest: list[Json]) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {}
    for group in manifest:
        names = [str(name) for name in cast(list[object], group["paths"])]
        if any(Path(name).name != name for name in names):
            raise ValueError(f"weights outside the model's folder: {names}")
        data, offset = b"".join((folder / name).read_bytes() for name in names), 0
        for spec in cast(list[Json], group["weights"]):
            shape = [int(size) for size in cast(list[int], spec["shape"])]
            quantization = cast(Quantization, spec.get("quantization", {}))
            stored = np.dtype(STORED[quantization.get("dtype", str(spec["dtype"]))])
            count = int(np.prod(shape, dtype=np.int64))
            values = np.frombuffer(data, stored.newbyteorder("<"), count, offset).reshape(shape)
            offset += values.nbytes
            weights[str(spec["name"])] = torch.from_numpy(_dequantized(values, quantization))
    return weights


def _dequantized(values: NDArray[np.generic], quantization: Quantization) -> NDArray[np.generic]:
    """Floats as float32, integers as int64, truth values as they are.

    Affine quantisation (uint8, uint16) is value * scale + min.
    """
    if "scale" in quantization:
        with np.errstate(over="raise", invalid="raise"):
            return (values.astype(np.float32) * quantization["scale"] + quantization["min"]).astype(np.float32)
    return values.astype({"f": np.float32, "b": np.bool_}.get(values.dtype.kind, np.int64))


def _ordered(nodes: list[Node], known: set[str], wanted: list[str]) -> list[Node]:
    """The nodes that the wanted ones need, each after its inputs (depth first, without recursion)."""
    by_name = {node.name: node for node in nodes}
    order: list[Node] = []
    done, open_nodes = set(known), set[str]()
    stack = list(wanted)
    while stack:
        name = stack[-1]
        node = by_name.get(name)
        if name in done:
            stack.pop()
        elif node is None or node.op not in OPERATIONS:
            raise Unsupported(f"operation {node.op} (node {name}) is not known" if node else f"no node {name}")
        elif missing := [source for source, _ in node.inputs if source not in done]:
            if name in open_nodes:
                raise Unsupported(f"node {name} depends on itself")
            open_nodes.add(name)
            stack += missing
        else:
            order.append(node)
            done.add(stack.pop())
    return order


def _filters_first(nodes: list[Node], weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Same weights, but filters lie in memory as torch's convolutions want them: no call copies them."""
    filters = {node.inputs[1][0] for node in nodes if node.op in CONVOLUTIONS} & set(weights)
    arranged = dict(weights)
    for name in filters:
        arranged[name] = weights[name].permute(3, 2, 0, 1).contiguous().permute(2, 3, 1, 0)
    return arranged
