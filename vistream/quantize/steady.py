"""Which operators no integer network can follow: those that are more than a function of the frame, of one shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from vistream.errors import VistreamError

CHANCES = ("dropout_p", "training", "train")  # at 0 or False an operator that can draw random numbers draws none
UNSTEADY = (
    (torch.Tag.nondeterministic_seeded, "draws random numbers", "the integer network must be a function of the frame"),
    (
        torch.Tag.dynamic_output_shape,
        "gives a result whose size depends on the pixels",
        "keep that part out of the module and run it on the stream's output",
    ),
    (
        torch.Tag.data_dependent_output,
        "looks at the value of a tensor, as a branch, a loop or .item() does",
        "write it without (torch.where, a mask), or keep that part out of the module",
    ),
)


def check_steady(func: Any, arguments: Mapping[str, Any], indices: Any, where: str) -> None:
    """Raise VistreamError for such an operator of torch, called at `where` (as the message says it).

    `arguments`: by the names of its schema; `indices`: the tensors themselves where it takes such.
    """
    if func is torch.ops.aten.index.Tensor and not any(_is_mask(index) for index in indices or ()):
        return
    if any(arguments.get(name, True) in (0, False) for name in CHANCES):
        return
    for tag, does, instead in UNSTEADY:
        if tag in func.tags:
            raise VistreamError(f"{where} {does} ({func}), which no integer network can follow: {instead}")


def _is_mask(index: Any) -> bool:
    return isinstance(index, Tensor) and index.dtype in (torch.bool, torch.uint8)
