"""What no integer network can follow: operators that are more than a function of the frame, of one shape, and numbers
that leave torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from vistream.errors import VistreamError

CHANCES = ("dropout_p", "training", "train")  # at 0 or False an operator that can draw random numbers draws none
LOOKS, WITHOUT = (
    "looks at the value of a tensor, as a branch, a loop or .item() does",
    "write it without (torch.where, a mask), or keep that part out of the module",
)
LEAVING = ("numpy", "__array__", "tolist", "__dlpack__")
"""Methods of tensors that read their memory themselves, which no operator of torch tells."""
UNSTEADY = (
    (torch.Tag.nondeterministic_seeded, "draws random numbers", "the integer network must be a function of the frame"),
    (
        torch.Tag.dynamic_output_shape,
        "gives a result whose size depends on the pixels",
        "keep that part out of the module and run it on the stream's output",
    ),
    (torch.Tag.data_dependent_output, LOOKS, WITHOUT),
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
            raise _unsteady(where, does, str(func), instead)


class Staying(TorchFunctionMode):
    """Numbers that depend on the frame stay in torch: whoever would take them out is refused.

    Those of others are given to him. A tensor in a recording has no memory of its own to be read.
    `depends`: whether a tensor does; `where`: as for `check_steady`.
    """

    def __init__(self, depends: Callable[[Tensor], bool], where: Callable[[], str]) -> None:
        super().__init__()
        self._depends, self._where = depends, where

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name in LEAVING and torch._is_functional_tensor(args[0]):
            torch._sync(args[0])  # type: ignore[attr-defined, no-untyped-call]  # what was written is in its numbers
            numbers = torch._from_functional_tensor(args[0])
            if self._depends(numbers):
                raise _unsteady(self._where(), LOOKS, f"Tensor.{name}", WITHOUT)
            args = (numbers, *args[1:])
        return func(*args, **(kwargs or {}))


def _unsteady(where: str, does: str, called: str, instead: str) -> VistreamError:
    return VistreamError(f"{where} {does} ({called}), which no integer network can follow: {instead}")


def _is_mask(index: Any) -> bool:
    return isinstance(index, Tensor) and index.dtype in (torch.bool, torch.uint8)
