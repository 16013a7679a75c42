"""What a backend is: the memory of one stream, and the kernels that bring it up to date layer by layer."""

from __future__ import annotations

import functools
import logging
import os
import threading
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vistream.engine.stream.demand import Cells
from vistream.engine.stream.plan import LayerPlan
from vistream.types import Frame


class Backend(Protocol):
    """All that a stream remembers: every layer's levels; the input's are the pixels it holds. Its size does not grow.

    Made for one plan (a network at one frame size) and used for one stream of frames: per frame `read` once, then one
    or more passes, each of them `update` for every further layer in order and `pause`. A position whose inputs changed
    is owed until a pass that needs it. Before the first `read` nothing is held, so everything is owed.
    """

    name: str

    def __init__(self, plans: tuple[LayerPlan, ...]) -> None: ...

    def read(self, frame: Frame, deadband: int) -> int:
        """Take over the pixels of `frame`, uint8 `[H, W, C]`, that moved by more than `deadband`; how many did."""

    def update(self, plan: LayerPlan, hysteresis: int, needed: Cells | None = None) -> tuple[int, int]:
        """Recompute the owed positions of a layer that are `needed` (None: all): how many, and how many levels changed.

        What a needed position looks at must have been needed, too.
        """

    def pause(self) -> None:
        """The pass is over: what `read` found has been passed on."""

    def levels(self, name: str) -> Tensor:
        """A layer's levels, int8 `[H, W, C]`: the backend's own memory, not to be written."""

    def reached(self, name: str) -> Tensor:
        """The positions of a layer that were recomputed in this frame: bool `[H, W]`."""

    def owed(self, name: str) -> Cells:
        """The positions of a layer whose inputs changed since they were computed: the backend's own memory."""

    def recall(self, name: str, levels: NDArray[np.int8], owed: Cells) -> None:
        """Put a layer where another backend of this plan had it, between two frames."""


def backend_class(name: str = "auto") -> type[Backend]:
    """`"numba"`, `"torch"`, or `"auto"`: numba if it works here (`$VISTREAM_BACKEND` may say otherwise)."""
    if name == "auto":
        name = os.environ.get("VISTREAM_BACKEND", "auto")
    if name == "torch":
        from vistream.engine.stream.torch_backend import TorchBackend

        return TorchBackend
    if name == "numba":
        return _numba_backend()
    try:
        return _numba_backend()
    except Exception as error:  # whatever keeps the compiler from working here, the plain kernels do not need it
        _say_once(f"the numba kernels do not work here ({error}): plain torch is used, which is slower")
        return backend_class("torch")


@functools.cache
def _numba_backend() -> type[Backend]:
    """Import the kernels and run them once on a toy, which compiles them or reads them from the cache."""
    from vistream.engine.stream.kernel_cache import drop_stale_kernels

    drop_stale_kernels()
    notice = threading.Timer(4.0, _say_once, ["preparing the kernels for this CPU: compiled once, then kept"])
    notice.daemon = True
    notice.start()
    try:
        from vistream.engine.stream.selftest import check_numba

        return check_numba()
    finally:
        notice.cancel()


@functools.cache
def _say_once(message: str) -> None:
    logging.getLogger("vistream").warning(message)
