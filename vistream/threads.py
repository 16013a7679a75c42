"""The threads of the libraries that we compute with, kept out of the way: they wait for work by spinning, on processors
that others need, and torch's do not survive a fork. And the end of our own, before that of the interpreter."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable
from functools import cache
from weakref import WeakKeyDictionary, WeakMethod

from vistream.machine import cores, cpu_quota

CALM = {
    "KMP_BLOCKTIME": "0",  # the two OpenMP libraries that torch comes with: threads sleep while they wait
    "OMP_WAIT_POLICY": "PASSIVE",
    "OPENBLAS_NUM_THREADS": "1",  # NumPy's and SciPy's: our products are small, and its threads spin for 2^26 ticks
    "OPENCV_FOR_THREADS_NUM": "1",  # to wake its threads takes longer than the pictures that we give it
}
"""How these libraries are told so. They read it when they are imported."""


GRACE = 5.0  # seconds that a thread is given to end in; one that hangs in a read is left behind

_OURS: WeakKeyDictionary[threading.Thread, WeakMethod[Callable[[], None]]] = WeakKeyDictionary()


def keep_threads_calm() -> None:
    """For a process of our own, before anything heavy is imported; what the user has set is left as it is."""
    for name, value in CALM.items():
        os.environ.setdefault(name, value)
    if cpu_quota() is not None:  # otherwise torch takes a thread for each processor in sight
        os.environ.setdefault("OMP_NUM_THREADS", str(cores()))


def survive_forks() -> None:
    """In a forked child torch would wait for ever for threads that only its parent has: there it works alone."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_work_alone)


def _work_alone() -> None:
    import torch

    torch.set_num_threads(1)


def end_with_program(thread: threading.Thread, stop: Callable[[], None]) -> None:
    """Have a method `stop` called when the program ends, and the daemon `thread` waited for.

    An interpreter that goes tears such threads out of native code, which many a library answers by ending the process
    with a signal: a user's program that left a loop over frames by an error of its own would end so.
    """
    _at_exit()
    _OURS[thread] = WeakMethod(stop)


@cache
def _at_exit() -> None:
    atexit.register(_end_ours)  # with the first thread, so that it is called before what libraries registered earlier


def _end_ours() -> None:
    ending = [(thread, stop()) for thread, stop in list(_OURS.items()) if thread.is_alive()]
    for _, stop in ending:
        if stop is not None:
            stop()
    until = time.monotonic() + GRACE
    for thread, _ in ending:
        thread.join(max(0.0, until - time.monotonic()))
