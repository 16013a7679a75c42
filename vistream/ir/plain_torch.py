"""What a caller of the library has set torch to is not ours: integers are computed in torch's own defaults."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")


class _Inside(threading.local):
    """Whether this thread is in such a function."""

    now = False


class _DefaultDtype:
    """The default type of numbers, which all threads of a process share: float32 from the first that enters on until
    the last one leaves."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entered = 0
        self._callers = torch.float32

    def is_other(self) -> bool:
        """Whether the caller's is not float32, as far as threads inside let it be seen."""
        return self._entered > 0 or torch.get_default_dtype() != torch.float32

    def __enter__(self) -> None:
        with self._lock:
            if self._entered == 0:
                self._callers = torch.get_default_dtype()
                torch.set_default_dtype(torch.float32)
            self._entered += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._entered -= 1
            if self._entered == 0:
                torch.set_default_dtype(self._callers)


_inside = _Inside()
_dtype = _DefaultDtype()
DEVICES = ("cpu", "cuda")
"""Those whose automatic mixed precision would reach what runs here."""


@contextmanager
def plain_torch() -> Iterator[None]:
    """No autocast, float32, and the CPU, whatever the caller has set; as before when the block ends."""
    with ExitStack() as stack:
        for device in DEVICES:
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        if not _makes_tensors_here():  # a context of its own costs something at every call of torch
            stack.enter_context(torch.device("cpu"))
        if _dtype.is_other():
            stack.enter_context(_dtype)
        yield


def _is_plain() -> bool:
    if any(torch.is_autocast_enabled(device) for device in DEVICES):
        return False
    return not _dtype.is_other() and _makes_tensors_here()


def _makes_tensors_here() -> bool:
    """Whether new tensors are the CPU's. To ask is an error where the default is a device that this torch lacks."""
    try:
        return torch.get_default_device().type == "cpu"
    except (AssertionError, RuntimeError):
        return False


def with_plain_torch(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, inside `plain_torch`, which costs something and is left out where it would do nothing.

    So does asking, which a function that another such one calls leaves out.
    """

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        if _inside.now:
            return function(*args, **kwargs)
        _inside.now = True
        try:
            with nullcontext() if _is_plain() else plain_torch():
                return function(*args, **kwargs)
        finally:
            _inside.now = False

    return wrapped
