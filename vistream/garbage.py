"""Python's garbage collector in a program of our own: off while it starts, then for what the program has not made yet.

Libraries make some 200,000 objects that stay until the end. To look through all of them takes a tenth of a second in
the middle of a video, and a quarter of a second in all while they are imported.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_starting = False


@contextmanager
def starting() -> Iterator[None]:
    """Collect nothing until `started` is called, or this ends; where the collector is off, leave it so."""
    global _starting
    _starting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        _end_of_start()


def started() -> None:
    """The first result is there: what has been made is left alone from now on. Does nothing but in a `starting`."""
    if _starting:
        gc.freeze()
    _end_of_start()


def _end_of_start() -> None:
    global _starting
    if _starting:
        gc.enable()
    _starting = False
