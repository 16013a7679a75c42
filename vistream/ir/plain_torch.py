"""What a caller of the library has set torch to is not ours: integers are computed in torch's own defaults."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")


class _Inside(threading.local):
    """Whether this thread is in such a function."""

    now = False


class _ForAllThreads:
    """A setting that all threads of a process share: made by the first that enters, undone by the last that leaves."""

    def __init__(self, setting: Callable[[], AbstractContextManager[Any]]) -> None:
        self._setting = setting
        self._made: AbstractContextManager[Any] = nullcontext()
        self._lock = threading.Lock()
        self.entered = 0

    def __enter__(self) -> None:
        with self._lock:
            if self.entered == 0:
                self._made = self._setting()
                self._made.__enter__()
            self.entered += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.entered -= 1
            if self.entered == 0:
                self._made.__exit__(None, None, None)


@contextmanager
def _float32() -> Iterator[None]:
    callers = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    yield
    torch.set_default_dtype(callers)


_inside = _Inside()
_dtype = _ForAllThreads(_float32)
_eager = _ForAllThreads(lambda: torch.compiler.set_stance("force_eager"))
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
        if _is_other_dtype():
            stack.enter_context(_dtype)
        yield


def uncompiled() -> AbstractContextManager[None]:
    """Compiled modules run as they were written: else torch would compile what records them, too.

    Who compiled something has loaded torch's compiler; for others it is not loaded.
    """
    return _eager if "torch._dynamo" in sys.modules else nullcontext()


def _is_other_dtype() -> bool:
    """Whether the caller's default type is not float32, as far as threads inside let it be seen."""
    return _dtype.entered > 0 or torch.get_default_dtype() != torch.float32


def _is_plain() -> bool:
    if any(torch.is_autocast_enabled(device) for device in DEVICES):
        return False
    return not _is_other_dtype() and _makes_tensors_here()


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
