"""Which backend runs: the compiled kernels where they work, else plain torch, which is said once."""

from __future__ import annotations

import functools
import logging
import os

from vistream.engine.stream.backend import Backend
from vistream.engine.stream.compiled_backend import CompiledBackend
from vistream.engine.stream.torch_backend import TorchBackend
from vistream.errors import VistreamError
from vistream.kernels.library import Unusable, variant

NAMES = ("auto", "compiled", "torch")


def backend_class(name: str | type[Backend] = "auto") -> type[Backend]:
    """`"compiled"`, `"torch"`, or `"auto"`: compiled if that works here (`$VISTREAM_BACKEND` may say otherwise); or a
    class itself.

    Raises VistreamError where `"compiled"` is asked for and does not work, and for another name.
    """
    if not isinstance(name, str) and callable(name):
        return name
    if name == "auto":
        name = os.environ.get("VISTREAM_BACKEND") or "auto"
    if name not in NAMES:
        raise VistreamError(f"no backend is called {name!r}: it is one of {', '.join(NAMES)}")
    if name == "torch":
        return TorchBackend
    try:
        variant()
    except Unusable as error:
        if name == "compiled":
            raise VistreamError(str(error)) from None
        _say_once(f"{error}: plain torch is used, which is slower")
        return TorchBackend
    return CompiledBackend


@functools.cache
def _say_once(message: str) -> None:
    logging.getLogger("vistream").warning(message)
