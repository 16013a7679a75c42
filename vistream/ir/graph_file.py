"""A piece of a float graph in a network's file: JSON, and tensors beside it. Nothing but torch's own arithmetic is run.

A file may come from anywhere, so a `Call` that it asks for must be an operator of `aten` that takes a tensor, changes
none, and takes no text (none that reads files or prints).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from vistream.ir.evaluate import EVALUATE, operator_of
from vistream.ir.graph import Graph, Piece
from vistream.ir.node import Node, Operand, Weight


def encoded_piece(piece: Piece, key: str, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """JSON of a piece; its weights go into `tensors`, under names that begin with `key`."""
    nodes = []
    for position, node in enumerate(piece.graph.nodes):
        weights = {}
        for name, tensor in node.weights.items():
            weights[name] = f"{key}.{position}.{name}"
            tensors[weights[name]] = tensor.detach().clone(memory_format=torch.contiguous_format)
        attributes = {name: _encoded(value) for name, value in node.attributes.items()}
        nodes.append([node.name, node.op, list(node.inputs), attributes, weights])
    return {"nodes": nodes, "outputs": dict(piece.graph.outputs)}


def decoded_piece(entry: dict[str, Any], tensors: dict[str, Tensor]) -> Piece:
    """What `encoded_piece` wrote; raises ValueError, KeyError or TypeError where it is no sound piece."""
    nodes: list[Node] = []
    for name, op, inputs, attributes, weights in entry["nodes"]:
        known = {node.name for node in nodes}
        if op not in ("Input", *EVALUATE) or not set(inputs) <= known or name in known:
            raise ValueError(f"its island has a node {name!r} that makes no sense")
        plain = {key: _decoded(value) for key, value in attributes.items()}
        if op == "Call":
            _check_target(str(plain["target"]))
        nodes.append(Node(name, op, tuple(inputs), plain, {key: tensors[at] for key, at in weights.items()}))
    outputs = {str(key): str(source) for key, source in entry["outputs"].items()}
    if len(outputs) != 1 or not set(outputs.values()) <= {node.name for node in nodes}:
        raise ValueError("its island has not one output")
    return Piece(Graph(tuple(nodes), outputs))


def _check_target(target: str) -> None:
    operator = operator_of(target)
    kinds = [str(argument.type) for argument in operator._schema.arguments]
    takes_tensors = any("Tensor" in kind for kind in kinds)
    if target.split(".")[0] != "aten" or operator._schema.is_mutable or "str" in kinds or not takes_tensors:
        raise ValueError(f"its island calls {target}, which no network needs")


def _encoded(value: Any) -> Any:
    """JSON of an attribute; what JSON has no word for is an object of one entry."""
    match value:
        case Operand():
            return {"operand": value.position}
        case Weight():
            return {"weight": value.name}
        case torch.dtype():
            return {"dtype": str(value).removeprefix("torch.")}
        case list() | tuple():
            return [_encoded(item) for item in value]
        case dict():
            return {"keywords": {key: _encoded(item) for key, item in value.items()}}
        case None | bool() | int() | float() | str():
            return value
    raise TypeError(f"{value!r} can't be kept in a file")


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        items = [_decoded(item) for item in value]
        return tuple(items) if all(isinstance(item, bool | int | float) for item in items) else items
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "operand":
        return Operand(int(content))
    if kind == "weight":
        return Weight(str(content))
    if kind == "keywords":
        return {key: _decoded(item) for key, item in content.items()}
    dtype = getattr(torch, content)
    if kind != "dtype" or not isinstance(dtype, torch.dtype):
        raise ValueError(f"its island has an argument {kind!r}")
    return dtype
