"""What an ONNX node says of itself, read with care: attributes of the right type, inputs that may be left out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vistream.models.onnx_file import Node, Unread

Inputs = Sequence[Tensor | None]


class Unsupported(Exception):
    """An operation, or a form of one, that has no counterpart here."""


def optional(inputs: Inputs, position: int) -> Tensor | None:
    """An input, or None where it is left out."""
    return inputs[position] if position < len(inputs) else None


def required(inputs: Inputs, position: int) -> Tensor:
    """An input; Unsupported where it is left out."""
    value = optional(inputs, position)
    if value is None:
        raise Unsupported("lacks an input")
    return value


def check_map(x: Tensor) -> None:
    """Unsupported for what is no `[1, C, H, W]`."""
    if x.dim() != 4:
        raise Unsupported("anything but maps")


def decimal(node: Node, name: str, default: float) -> float:
    """A numeric attribute."""
    value = node.attributes.get(name, default)
    return float(value) if isinstance(value, int | float) else default


def integer(node: Node, name: str, default: int) -> int:
    """An integer attribute."""
    value = node.attributes.get(name, default)
    return value if isinstance(value, int) else default


def integers(node: Node, name: str, default: Sequence[int]) -> list[int]:
    """An attribute of several integers."""
    value = node.attributes.get(name, default)
    return [int(number) for number in value] if isinstance(value, list | tuple) else list(default)


def string(node: Node, name: str, default: str) -> str:
    """A string attribute."""
    value = node.attributes.get(name, default)
    return value if isinstance(value, str) else default


def constant(node: Node, name: str) -> Tensor | None:
    """An attribute of numbers as a tensor, None where it is missing; Unsupported for a type that is not read."""
    value = node.attributes.get(name)
    if isinstance(value, Unread):
        raise Unsupported(value.reason)
    return None if value is None or isinstance(value, str) else torch.as_tensor(value)


def axes_of(node: Node, inputs: Inputs, rank: int) -> list[int] | None:
    """Axes as an input (newer files) or an attribute; None where the file names none."""
    given = optional(inputs, 1)
    axes = given.tolist() if given is not None else integers(node, "axes", [])
    return [int(axis) % rank for axis in axes] or None
