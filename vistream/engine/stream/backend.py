"""What a backend is: the memory of one stream, and the kernels that bring it up to date layer by layer."""

from __future__ import annotations

import functools
import logging
import os
import threading
from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from vistream.engine.stream.demand import Cells
from vistream.engine.stream.plan import LayerPlan
from vistream.errors import VistreamError
from vistream.types import Frame

Arrays = Mapping[str, NDArray[np.generic]]


class Done(NamedTuple):
    """What an update did: output positions recomputed, numbers that took a new value, multiply-accumulates."""

    positions: int = 0
    changes: int = 0
    macs: int = 0

    def __add__(self, other: Done) -> Done:  # type: ignore[override]  # the sum of counts, not of tuples
        return Done(*(a + b for a, b in zip(self, other, strict=True)))


class Backend(Protocol):
    """All that a stream remembers: every operation's value; the input's are the pixels it holds. It does not grow.

    Made for one plan (a network at one frame size) and used for one stream of frames: per frame `read` once, then one
    or more passes, each of them `update` for every further operation in order and `pause`. A position whose inputs
    changed is stale until a pass that needs it. Before the first `read` nothing is held, so everything is stale.
    """

    name: str

    def __init__(self, plans: tuple[LayerPlan, ...]) -> None: ...

    @staticmethod
    def lacks(plans: tuple[LayerPlan, ...]) -> str | None:
        """What of these plans the backend cannot run, in words; None where it can run them."""

    def read(self, frame: Frame, deadband: int) -> int:
        """Take over the pixels of `frame`, uint8 `[H, W, C]`, that moved by more than `deadband`; how many did."""

    def update(self, plan: LayerPlan, hysteresis: int, needed: Cells | None = None) -> Done:
        """Recompute the stale positions of an operation that are `needed` (None: all).

        What a needed position depends on must have been needed, too.
        """

    def pause(self) -> None:
        """The pass is over: what `read` found has been passed on."""

    def levels(self, name: str) -> Tensor:
        """A value, `[H, W, C]`: int8 levels, int32 sums or float32; the backend's own memory, not to be written."""

    def reached(self, name: str) -> Tensor:
        """The positions of a value that were recomputed in this frame: bool `[H, W]`."""

    def stale(self, name: str) -> Cells:
        """The positions of a value whose inputs changed since they were computed: the backend's own memory."""

    def state(self, name: str) -> Arrays:
        """What an operation keeps besides its value, such as what a running sum was made of; mostly nothing."""

    def restore(self, name: str, levels: NDArray[np.generic], stale: Cells, state: Arrays) -> None:
        """Put a value where another backend of this plan had it, between two frames."""


def make_backend(name: str | type[Backend], plans: tuple[LayerPlan, ...]) -> Backend:
    """The backend of that name for these plans, or of that class.

    `"auto"` takes plain torch where the compiled kernels lack something; raises VistreamError where another name does.
    """
    chosen = backend_class(name) if isinstance(name, str) else name
    lacking = chosen.lacks(plans)
    if lacking is None:
        return chosen(plans)
    if name != "auto":
        raise VistreamError(f"the {chosen.name} kernels do not have {lacking}: leave the choice to 'auto'")
    _say_once(f"the {chosen.name} kernels do not have {lacking}: plain torch is used, which is slower")
    return backend_class("torch")(plans)


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
