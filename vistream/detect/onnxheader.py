"""Read from an ONNX file what OpenCV does not tell: the input's shape, the outputs' shapes, the metadata.

This is no ONNX library: weights and operations are skipped over, unread.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vistream.errors import VistreamError

Fields = dict[int, list[memoryview]]


@dataclass(frozen=True, slots=True)
class OnnxHeader:
    """What the file says of itself. `input_shape` has -1 where any size will do; outputs map names to shapes."""

    input_shape: tuple[int, ...]
    outputs: dict[str, tuple[int, ...]]
    metadata: dict[str, str]


def read_onnx_header(path: Path) -> OnnxHeader:
    """Read an ONNX file's header without the onnx package, from its protocol-buffer encoding.

    Field numbers are those of onnx.proto3: ModelProto.graph 7 and .metadata_props 14; GraphProto.initializer 5,
    .input 11 and .output 12; ValueInfoProto.name 1 and .type 2, down to tensor_type 1, shape 2, dim 1, dim_value 1.
    """
    try:
        model = _fields(memoryview(path.read_bytes()))
        graph = _fields(model[7][0])
        weights = {_text(_fields(tensor)[8][0]) for tensor in graph.get(5, [])}
        inputs = dict(_value_info(info) for info in graph[11])
        shapes = [shape for name, shape in inputs.items() if name not in weights]
        outputs = dict(_value_info(info) for info in graph[12])
        pairs = [_fields(pair) for pair in model.get(14, [])]
        return OnnxHeader(shapes[0], outputs, {_text(pair[1][0]): _text(pair[2][0]) for pair in pairs})
    except OSError as error:
        raise VistreamError(f"{path}: {error.strerror}") from error
    except (KeyError, IndexError, ValueError) as error:
        raise VistreamError(f"{path}: not an ONNX file, or cut short") from error


def _value_info(data: memoryview) -> tuple[str, tuple[int, ...]]:
    """A ValueInfoProto's name and shape; -1 for dimensions that are free or carry only a name."""
    info = _fields(data)
    tensor = _fields(_fields(info[2][0])[1][0])
    dims = [_fields(dim) for dim in _fields(tensor[2][0]).get(1, [])] if 2 in tensor else []
    return _text(info[1][0]), tuple(_varint(dim[1][0], 0)[0] if 1 in dim else -1 for dim in dims)


def _text(data: memoryview) -> str:
    return bytes(data).decode()


def _fields(data: memoryview) -> Fields:
    """A message's fields by number; each value as its bytes, of a variable-length integer its encoding."""
    found: Fields = {}
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        start = at
        if key & 7 == 0:
            _, at = _varint(data, at)
        elif key & 7 == 2:
            length, start = _varint(data, at)
            at = start + length
        elif key & 7 in (1, 5):
            at += 8 if key & 7 == 1 else 4
        else:
            raise ValueError("no such wire type")
        if at > len(data):
            raise ValueError("cut short")
        found.setdefault(key >> 3, []).append(data[start:at])
    return found


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """A base-128 integer at `at`, least significant group first, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
