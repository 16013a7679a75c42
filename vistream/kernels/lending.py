"""A thread that waits for what another one computes helps to compute it.

Threads that wait for one another are about as many as processors: helpers beside them would take the processors from
those that are at work. Without compiled kernels a thread only waits.
"""

from __future__ import annotations

import ctypes
from concurrent.futures import Future
from typing import TypeVar

from vistream.kernels.library import Unusable, brief, library

T = TypeVar("T")


class Lending:
    """Until it is closed the kernels of this process have no helpers but the threads that wait by `result`."""

    def __init__(self) -> None:
        try:
            self._kernels: ctypes.CDLL | None = library()
        except Unusable:
            self._kernels = None
        self._borrow(1)

    def result(self, place: Future[T]) -> T:
        """As `place.result()`, of what another thread computes."""
        if self._kernels is not None and not place.done():
            until = ctypes.c_int64()
            at = ctypes.byref(until)
            place.add_done_callback(lambda _: brief().vistream_recall(at))
            while not place.done():
                self._kernels.vistream_lend(at)
        return place.result()

    def close(self) -> None:
        """Helpers are welcome again; may be called more than once."""
        self._borrow(-1)
        self._kernels = None

    def _borrow(self, more: int) -> None:
        if self._kernels is not None:
            self._kernels.vistream_borrow(more)
