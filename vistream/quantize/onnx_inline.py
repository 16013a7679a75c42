"""What an ONNX file keeps in other files, brought inside: onnxruntime is given parts of it without a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vistream.models.onnx_file import BFLOAT16, DTYPES, Node, OnnxFile, located
from vistream.models.onnx_wire import Fields, field, fields, integer, integers, string

TENSOR = 5  # in an attribute


def whole_weight(file: OnnxFile, name: str) -> bytes | memoryview:
    """A weight as it is encoded, with its data."""
    return _whole(file.weights[name], file.path.parent)


def whole_node(file: OnnxFile, node: Node) -> bytes | memoryview:
    """A node as it is encoded, with the data of the tensors among its attributes."""
    found = fields(node.encoded)
    attributes = [fields(attribute) for attribute in found.get(5, [])]
    if not any(integer(fields(tensor), 14) for attribute in attributes for tensor in attribute.get(TENSOR, [])):
        return node.encoded
    made = []
    for attribute, encoded in zip(attributes, found[5], strict=True):
        if TENSOR in attribute:
            tensor = field(TENSOR, _whole(attribute[TENSOR][0], file.path.parent))
            encoded = memoryview(field(1, string(attribute, 1)) + tensor + field(20, integer(attribute, 20)))
        made.append(field(5, encoded))
    kept = [field(number, value) for number, values in found.items() if number != 5 for value in values]
    return b"".join([*kept, *made])


def _whole(encoded: memoryview, folder: Path) -> bytes | memoryview:
    """A TensorProto with its data where they lay in another file."""
    found = fields(encoded)
    if integer(found, 14) == 0:
        return encoded
    sides = b"".join(field(1, side) for side in integers(found.get(1, [])))
    kind = field(2, integer(found, 2))
    return sides + kind + field(8, string(found, 8)) + field(9, _bytes(found, folder))


def _bytes(found: Fields, folder: Path) -> bytes:
    where = located(found)
    kind, count = integer(found, 2), int(np.prod(integers(found.get(1, []))))
    item = 2 if kind == BFLOAT16 else np.dtype(DTYPES.get(kind, np.uint8)).itemsize
    length = int(where.get("length", item * count))
    return np.fromfile(folder / where["location"], np.uint8, length, offset=int(where.get("offset", "0"))).tobytes()
