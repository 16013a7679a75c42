"""Read ONNX files, without the onnx package: what a file says of itself, its nodes, its weights.

Field numbers are those of onnx.proto3 (github.com/onnx/onnx); `tests/models/test_onnx_file.py` holds this reader to
what the onnx package reads. Weights are decoded when they are asked for.
"""

from __future__ import annotations

import math
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError
from vistream.models.foreign import instead_of
from vistream.models.onnx_order import in_order
from vistream.models.onnx_wire import Fields, fields, floats, integer, integers, string, text

Array = NDArray[np.generic]

DTYPES: dict[int, type[np.generic]] = {
    1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64,
    9: np.bool_, 10: np.float16, 11: np.float64, 12: np.uint32, 13: np.uint64,
}  # fmt: skip
"""TensorProto.DataType to NumPy, without strings, complex numbers and the small floats."""

BFLOAT16 = 16
UNREAD = {
    8: "strings", 14: "complex numbers", 15: "complex numbers", **dict.fromkeys((17, 18, 19, 20, 24), "8-bit floats"),
    **dict.fromkeys((21, 22, 23), "4-bit numbers"),
}  # fmt: skip

DEEPEST = 50
"""Graphs within graphs: more is no network but an attack on the reader's stack."""


@dataclass(frozen=True, slots=True)
class Unread:
    """Stands for an attribute that is a tensor of a type which nothing here reads; `reason`: see `unread`."""

    reason: str


Attribute = int | float | str | list[int] | list[float] | Array | Unread | None


@dataclass(frozen=True, slots=True)
class Value:
    """An input or output of a graph: `dtype` as in `DTYPES`; in `shape`, -1 where any size will do."""

    name: str
    dtype: int
    shape: tuple[int, ...] | None

    def __str__(self) -> str:
        """As `1 x 3 x ? x ?, of float32`."""
        sides = "of no stated shape" if not self.shape else " x ".join("?" if n < 0 else str(n) for n in self.shape)
        return f"{sides}, of {np.dtype(DTYPES[self.dtype]).name if self.dtype in DTYPES else 'another type'}"


@dataclass(frozen=True, slots=True)
class Node:
    """One operation of the graph. `attributes` holds graphs, and kinds nothing here reads, as None.

    `encoded`: the node as it stands in the file.
    """

    name: str
    op: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Attribute]
    encoded: memoryview = field(repr=False)

    @property
    def reads(self) -> tuple[str, ...]:
        """All that it takes from the graph around it: its inputs, and what graphs in its attributes name."""
        if all(value is not None for value in self.attributes.values()):
            return self.inputs
        return (*self.inputs, *_named_within(fields(self.encoded)))


@dataclass(frozen=True, slots=True, eq=False)
class OnnxFile:
    """What the file at `path` holds. `inputs` are those that a caller feeds: weights are left out.

    `nodes`: in computing order; `weights` maps names to encoded tensors, for `weight`; `operations`: (domain, op) of
    every node, of inner graphs and functions too, but for the functions' own names; `values`: what the file says of the
    values between the nodes; `opsets`: domain to version; `encoded`: the whole file; `outside`: the files beside it
    that hold weights.
    """

    path: Path
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    metadata: dict[str, str]
    nodes: tuple[Node, ...]
    weights: dict[str, memoryview]
    values: dict[str, Value]
    opsets: dict[str, int]
    operations: frozenset[tuple[str, str]]
    ir_version: int
    encoded: memoryview = field(repr=False)
    outside: tuple[Path, ...] = ()

    def weight(self, name: str) -> Array:
        """A weight as an array; a VistreamError where it can't be decoded."""
        try:
            return tensor(self.weights[name], self.path.parent)
        except (ValueError, IndexError, TypeError, OSError) as error:
            raise VistreamError(f"{self.path}: its weight {name} can't be read ({error})") from None

    def weight_shape(self, name: str) -> tuple[int, ...]:
        """The shape of a weight, whatever its type."""
        return tuple(integers(fields(self.weights[name]).get(1, [])))


def read_onnx(path: Path) -> OnnxFile:
    """Read an ONNX file.

    Raises VistreamError where it is missing, not regular, malformed, or keeps weights in files outside its own folder.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise VistreamError(f"{path}: {instead_of(path) or 'is not a regular file'}")
        return _parsed(path, memoryview(path.read_bytes()))
    except OSError as error:
        raise VistreamError(f"{path}: {error.strerror}") from error
    except MemoryError as error:
        raise VistreamError(f"{path}: is too large for the memory of this machine") from error
    except (KeyError, IndexError, ValueError, RecursionError) as error:
        raise VistreamError(f"{path}: {instead_of(path) or 'not an ONNX file, or cut short'}") from error


def _parsed(path: Path, data: memoryview) -> OnnxFile:
    model = fields(data)
    graph = fields(model[7][0])
    scan = _Scan()
    scan.graph(graph, 0)
    functions = [fields(function) for function in model.get(25, [])]
    for function in functions:
        scan.nodes(function.get(7, []), 0)
    outside = {_checked(path, external) for external in scan.external}
    weights = {string(fields(weight), 8): weight for weight in graph.get(5, [])}
    inputs = tuple(value for value in map(_value, graph[11]) if value.name not in weights)
    pairs = [fields(pair) for pair in model.get(14, [])]
    opsets = [fields(opset) for opset in model.get(8, [])]
    return OnnxFile(
        path,
        inputs,
        tuple(map(_value, graph[12])),
        {string(pair, 1): string(pair, 2) for pair in pairs},
        in_order([_node(node, path.parent) for node in graph.get(1, [])]),
        weights,
        {value.name: value for value in map(_value, graph.get(13, []))},
        {string(opset, 1): integer(opset, 2) for opset in opsets},
        frozenset(scan.operations - {(string(function, 10), string(function, 1)) for function in functions}),
        integer(model, 1),
        data,
        tuple(sorted(outside)),
    )


class _Scan:
    """Goes through graphs and the graphs within: which operations there are, and which tensors lie in other files."""

    def __init__(self) -> None:
        self.operations: set[tuple[str, str]] = set()
        self.external: list[dict[str, str]] = []

    def graph(self, graph: Fields, depth: int) -> None:
        if depth > DEEPEST:
            raise ValueError("graphs too deep within graphs")
        self.tensors(graph.get(5, []))
        for sparse in graph.get(15, []):
            parts = fields(sparse)
            self.tensors(parts.get(1, []) + parts.get(2, []))
        self.nodes(graph.get(1, []), depth)

    def nodes(self, nodes: list[memoryview], depth: int) -> None:
        for data in nodes:
            node = fields(data)
            self.operations.add((string(node, 7), string(node, 4)))
            for attribute in map(fields, node.get(5, [])):
                self.tensors(attribute.get(5, []) + attribute.get(10, []))
                for inner in attribute.get(6, []) + attribute.get(11, []):
                    self.graph(fields(inner), depth + 1)

    def tensors(self, tensors: list[memoryview]) -> None:
        for data in tensors:
            found = fields(data)
            if integer(found, 14) == 1 or 13 in found:
                self.external.append(located(found))


def _checked(path: Path, external: dict[str, str]) -> Path:
    """The file of some weights; raises VistreamError unless it is a regular one inside the folder of `path`, links
    resolved."""
    location = external.get("location", "")
    folder = path.resolve().parent
    try:
        file = (folder / location).resolve(strict=True)
        size, mode = file.stat().st_size, file.stat().st_mode
    except (OSError, RuntimeError) as error:
        raise VistreamError(
            f"{path}: its weights should be in {location!r} in the same folder, which is not there"
        ) from error
    if not file.is_relative_to(folder) or Path(location).is_absolute():
        raise VistreamError(f"{path}: wants weights from {location!r}, outside its own folder: that is not allowed")
    if not stat.S_ISREG(mode):
        raise VistreamError(f"{path}: wants weights from {location!r}, which is not a regular file")
    offset, length = int(external.get("offset", "0")), int(external.get("length", "0"))
    if offset < 0 or length < 0 or offset + length > size:
        raise VistreamError(f"{path}: its weights in {location!r} are cut short")
    return file


def _value(data: memoryview) -> Value:
    """A ValueInfoProto; only tensors have a shape."""
    info = fields(data)
    tensors = fields(info[2][0]).get(1, []) if 2 in info else []
    if not tensors:
        return Value(string(info, 1), 0, None)
    described = fields(tensors[0])
    if 2 not in described:
        return Value(string(info, 1), integer(described, 1), None)
    sizes = map(fields, fields(described[2][0]).get(1, []))
    return Value(string(info, 1), integer(described, 1), tuple(integer(size, 1, -1) for size in sizes))


def _node(data: memoryview, folder: Path | None = None) -> Node:
    node = fields(data)
    attributes = dict(_attribute(attribute, folder) for attribute in node.get(5, []))
    names = [tuple(text(name) for name in node.get(number, [])) for number in (1, 2)]
    return Node(string(node, 3), string(node, 4), string(node, 7), names[0], names[1], attributes, data)


def _named_within(node: Fields) -> Iterator[str]:
    """The names that the graphs in a node's attributes use; those that they define themselves are nobody else's."""
    for attribute in map(fields, node.get(5, [])):
        for graph in map(fields, attribute.get(6, []) + attribute.get(11, [])):
            yield from (string(fields(value), 1) for value in graph.get(12, []))
            for inner in map(fields, graph.get(1, [])):
                yield from map(text, inner.get(1, []))
                yield from _named_within(inner)


def _attribute(data: memoryview, folder: Path | None) -> tuple[str, Attribute]:
    """An attribute's name and value, by AttributeProto.type; `folder` as in `tensor`."""
    found = fields(data)
    kind = integer(found, 20)
    value: Attribute = None
    if kind == 1:
        value = floats(found[2])[-1] if 2 in found else 0.0
    elif kind == 2:
        value = integer(found, 3)
    elif kind == 3:
        value = bytes(found[4][-1]).decode(errors="replace") if 4 in found else ""
    elif kind == 4:
        reason = unread(found[5][0])
        value = tensor(found[5][0], folder) if reason is None else Unread(reason)
    elif kind == 6:
        value = floats(found.get(7, []))
    elif kind == 7:
        value = integers(found.get(8, []))
    return string(found, 1), value


def unread(data: memoryview) -> str | None:
    """Why the values of a TensorProto can't be read here, whose type is none of `DTYPES`; None where they can."""
    kind = integer(fields(data), 2)
    if kind in DTYPES or kind == BFLOAT16:
        return None
    return f"it holds {UNREAD.get(kind, f'values of type {kind}')}, which are not read here"


def tensor(data: memoryview, folder: Path | None = None) -> Array:
    """A TensorProto as an array, bfloat16 as float32; `folder`: where data outside the file lie, which were checked
    when it was read.

    Raises ValueError where its type is none of these, or its data lie elsewhere.
    """
    found = fields(data)
    kind = integer(found, 2)
    if kind == BFLOAT16:  # the upper half of a float32
        return (_array(found, np.dtype(np.uint16), kind, folder).astype(np.uint32) << 16).view(np.float32)
    if kind not in DTYPES:
        raise ValueError(unread(data))
    return _array(found, np.dtype(DTYPES[kind]), kind, folder)


def _array(found: Fields, dtype: np.dtype[np.generic], kind: int, folder: Path | None) -> Array:
    shape = integers(found.get(1, []))
    if integer(found, 14) == 1:
        return _outside(found, folder, dtype.newbyteorder("<"), math.prod(shape)).astype(dtype).reshape(shape)
    if 9 in found:
        return np.frombuffer(found[9][0], dtype.newbyteorder("<")).astype(dtype).reshape(shape)
    return np.array(list(_listed(found, kind)), _LISTED_AS.get(kind, dtype)).view(dtype).reshape(shape)


def located(found: Fields) -> dict[str, str]:
    """Where a TensorProto says that its data lie: `location`, a file, and where it says so `offset` and `length`."""
    pairs = [fields(pair) for pair in found.get(13, [])]
    return {string(pair, 1): string(pair, 2) for pair in pairs}


def _outside(found: Fields, folder: Path | None, dtype: np.dtype[np.generic], count: int) -> Array:
    """Data in another file."""
    where = located(found)
    if folder is None:
        raise ValueError("its data are in another file")
    return np.fromfile(folder / where["location"], dtype, count, offset=int(where.get("offset", "0")))


_LISTED_AS: dict[int, type[np.generic]] = {10: np.uint16}  # half floats are listed by their bits


def _listed(found: Fields, kind: int) -> Iterator[float]:
    """The values of a tensor that lists them one by one: float_data 4, int32_data 5, int64_data 7, ..."""
    if kind == 1:
        yield from floats(found.get(4, []))
    elif kind == 11:
        for part in found.get(10, []):
            yield from np.frombuffer(part, "<f8").tolist()
    elif kind in (7, 12, 13):
        yield from integers(found.get(7 if kind == 7 else 11, []))
    else:
        yield from integers(found.get(5, []))
