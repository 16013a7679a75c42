"""One safetensors file holds a calibrated integer network: tensors, and the structure as JSON in its metadata.

An operation is a dataclass, so its fields are written and read by their types; nothing else is ever made of a file.
"""

from __future__ import annotations

import json
import types
import typing
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vistream.atomic import replacing
from vistream.errors import VistreamError
from vistream.ir.graph import Piece
from vistream.ir.graph_file import decoded_piece, encoded_piece
from vistream.ir.network import IntegerNetwork, Output
from vistream.ir.operations import OPERATIONS, Island

FORMAT = "vistream integer network 2"
DAMAGE = (KeyError, ValueError, TypeError, AttributeError, IndexError, ArithmeticError, RecursionError, RuntimeError)


def save_network(network: IntegerNetwork, path: Path) -> None:
    """Write `network` to `path`; raises VistreamError where it can't be written, or holds an island that is code."""
    from safetensors.torch import save_file

    for layer in network.layers:
        if isinstance(layer, Island) and not isinstance(layer.module, Piece):
            raise VistreamError(
                f"{path}: layer {layer.name} is a module of its own, and a file holds no code: stream the model itself"
            )

    tensors: dict[str, Tensor] = {}
    layers = [{"kind": type(layer).__name__} | _fields(layer, layer.name, tensors) for layer in network.layers]
    outputs = [_encoded(output, f"outputs.{position}", tensors) for position, output in enumerate(network.outputs)]
    structure = {"layers": layers, "outputs": outputs}
    with replacing(path) as temporary:
        save_file(tensors, str(temporary), {"format": FORMAT, "structure": json.dumps(structure)})


def load_network(path: Path) -> IntegerNetwork:
    """Read what `save_network` wrote; raises VistreamError naming the file and what is wrong with it."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise VistreamError(f"{path}: there is no such file")
    try:
        with safe_open(str(path), "pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (no mapping)
    except (SafetensorError, OSError) as error:
        raise VistreamError(f"{path}: is no safetensors file ({error})") from None
    if metadata.get("format") != FORMAT:
        raise VistreamError(
            f"{path}: is a safetensors file, but holds no integer network of this version of the program: "
            "make it with vistream calibrate"
        )
    try:
        structure = json.loads(metadata["structure"])
        layers = tuple(_made(OPERATIONS[entry.pop("kind")], entry, tensors) for entry in structure["layers"])
        outputs = tuple(_made(Output, entry, tensors) for entry in structure["outputs"])
        network = IntegerNetwork(layers, outputs)
        network.check()
    except DAMAGE as error:
        raise VistreamError(f"{path}: is damaged ({error}); make it again with vistream calibrate") from None
    return network


def _fields(thing: Any, key: str, tensors: dict[str, Tensor]) -> dict[str, Any]:
    return {part.name: _encoded(getattr(thing, part.name), f"{key}.{part.name}", tensors) for part in fields(thing)}


def _encoded(value: Any, key: str, tensors: dict[str, Tensor]) -> Any:
    """JSON of one field; tensors go into `tensors` under a key that stands in their place."""
    if isinstance(value, Tensor):
        tensors[key] = value.detach().clone(memory_format=torch.contiguous_format)
        return {"tensor": key}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Piece):
        return encoded_piece(value, key, tensors)
    if is_dataclass(value):
        return _fields(value, key, tensors)
    if isinstance(value, tuple):
        return [_encoded(item, f"{key}.{position}", tensors) for position, item in enumerate(value)]
    return value


def _made(kind: type, entry: dict[str, Any], tensors: dict[str, Tensor]) -> Any:
    """A dataclass of its encoded fields, of which those with a default may be missing, as in files of earlier versions.

    Raises ValueError, KeyError or TypeError where they are not of its types.
    """
    hints = typing.get_type_hints(kind)
    given = (part.name for part in fields(kind) if part.name in entry)
    return kind(**{name: _decoded(hints[name], entry[name], tensors) for name in given})


def _decoded(hint: Any, value: Any, tensors: dict[str, Tensor]) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return _one_of(arguments, value, tensors)
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{value!r} is no list")
        hints = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        return tuple(_decoded(item_hint, item, tensors) for item_hint, item in zip(hints, value, strict=True))
    if hint is nn.Module:
        return decoded_piece(value, tensors)
    if hint is Tensor:
        return tensors[value["tensor"]]
    if hint is float and type(value) is int:
        return float(value)
    if hint in (bool, int, float, str):
        if type(value) is not hint:
            raise ValueError(f"{value!r} is no {hint.__name__}")
        return value
    if issubclass(hint, Enum):
        return hint(value)
    return _made(hint, value, tensors)


def _one_of(hints: tuple[Any, ...], value: Any, tensors: dict[str, Tensor]) -> Any:
    """A value of the first of several types that takes it."""
    if value is None and types.NoneType in hints:
        return None
    for hint in hints:
        try:
            if hint is not types.NoneType:
                return _decoded(hint, value, tensors)
        except (ValueError, TypeError, KeyError):
            continue
    raise ValueError(f"{value!r} is of no type that is meant here")
