"""Whether a network is the same for frames of any size, or holds numbers that follow from the size it was read at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vistream.errors import VistreamError
from vistream.quantize.program import Program
from vistream.quantize.trace import trace

LEAST, PERIOD = (
    (128, 192),
    64,
)  # rows and columns; what follows from a size mostly follows from what strides leave of it
SHIFTS = (1, 18, 35)  # so that halves, quarters and so on of the sizes are even here and odd there


def any_size(model: nn.Module, program: Program) -> bool:
    """Whether `model` read at other sizes gives the same layers."""
    _, channels, *size = program.graph.sample
    for shift in SHIFTS:
        rows, columns = (least + (side + shift) % PERIOD for least, side in zip(LEAST, size, strict=True))
        try:
            again = trace(model, channels, (rows, columns))
        except VistreamError:
            return False
        if not alike(program.layers, again.layers) or not alike(program.outputs, again.outputs):
            return False
    return True


def alike(a: Any, b: Any) -> bool:
    """Whether two things made of dataclasses, containers and tensors are the same."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        return a.shape == b.shape and torch.equal(a, b)
    if is_dataclass(a):
        return all(alike(getattr(a, field.name), getattr(b, field.name)) for field in fields(a))
    if isinstance(a, Mapping):
        return a.keys() == b.keys() and all(alike(value, b[key]) for key, value in a.items())
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(alike(*pair) for pair in zip(a, b, strict=True))
    return bool(a == b)
