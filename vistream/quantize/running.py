"""Running a module that is not ours: for inference, without writes in place, and which tensors it returned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vistream.errors import VistreamError
from vistream.ir.plain_torch import plain_torch, uncompiled
from vistream.quantize.held import Held


def dtype_of(model: nn.Module) -> torch.dtype:
    """The type of the module's numbers, float32 where it has none."""
    tensors = (*model.parameters(), *model.buffers())
    return next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), torch.float32)


@contextmanager
def as_for_inference(model: nn.Module, x: Tensor) -> Iterator[None]:
    """Eval mode, no gradients, no autocast, float32 by default; afterwards all that the module holds is what it was.

    It was called once before, on `x` `[1, C, H, W]`: what comes with a first call, as caches and hooks, is in place.
    """
    held = Held((*model.modules(), *model.buffers()))
    modes = [(module, getattr(module, "training", None)) for module in model.modules()]  # one that is frozen has none
    with plain_torch(), torch.inference_mode(False), torch.no_grad(), uncompiled():
        try:
            with suppress(NotImplementedError):  # an exported program has no mode
                model.eval()
            model(x.to(dtype_of(model), copy=True))  # it may write into what it is given
            yield
        finally:
            held.restore()
            for module, mode in modes:
                if mode is not None and module.training != mode:
                    module.training = mode


def outputs_of(returned: Any) -> dict[str, Any]:
    """The tensors in what a module returned, each by a name: the key, the attribute or the position, dotted.

    Raises VistreamError where two have one name, or it returned something else.
    """
    found: dict[str, Any] = {}
    for name, tensor in _named_parts("", {"output": returned} if isinstance(returned, Tensor) else returned):
        if name in found:
            raise VistreamError(f"two outputs of the model are called {name}: give one of their keys another name")
        found[name] = tensor
    return found


def _named_parts(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if type(value) in (Tensor, nn.Parameter):
        yield prefix, value
        return
    if value is None or isinstance(value, (bool, int, float, str)):
        return
    if isinstance(value, Mapping):
        parts = [(str(key), part) for key, part in value.items()]
    elif is_dataclass(value) and not isinstance(value, type):
        parts = [(field.name, getattr(value, field.name)) for field in fields(value)]
    elif hasattr(value, "_fields"):
        parts = list(zip(value._fields, value, strict=True))
    elif isinstance(value, (list, tuple)):
        parts = [(str(position), part) for position, part in enumerate(value)]
    else:  # a tensor of a derived class, too, whose operators are its author's
        raise VistreamError(
            f"the model returns a {type(value).__name__}: return plain tensors, or lists, dicts or dataclasses of them"
        )
    for name, part in parts:
        yield from _named_parts(f"{prefix}.{name}" if prefix else name, part)


@contextmanager
def functionalised() -> Iterator[None]:
    """Every write in place, and through a view, into a tensor of `functional` becomes the value that results.

    What `torch.func.functionalize` is made of, without the level of `torch.func` around it: inside of that one,
    custom autograd functions without `setup_context` and operators such as `relu6_` can't be called.
    """
    torch._enable_functionalization(reapply_views=True)
    try:
        yield
    finally:
        torch._disable_functionalization()  # type: ignore[no-untyped-call]  # torch has no types here


def functional(x: Tensor) -> Any:
    """`x` as the tensor whose writes `functionalised` follows."""
    return torch._to_functional_tensor(x)
