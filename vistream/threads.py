"""The threads of the libraries that we compute with, kept out of the way: they wait for work by spinning, on processors
that others need, and torch's do not survive a fork."""

from __future__ import annotations

import os

SLEEPING = {
    **{"KMP_BLOCKTIME": "0", "OMP_WAIT_POLICY": "PASSIVE"},  # the two OpenMP libraries that torch comes with
    "OPENBLAS_THREAD_TIMEOUT": "4",  # NumPy's and SciPy's: 2^4 clock ticks instead of 2^26
    "OPENCV_THREAD_POOL_ACTIVE_WAIT_WORKER": "0",
    "OPENCV_THREAD_POOL_ACTIVE_WAIT_MAIN": "0",
}
"""How these libraries are told to let threads sleep instead. They read it when they are imported."""


def let_waiting_threads_sleep() -> None:
    """For a process of our own, before anything heavy is imported; what the user has set is left as it is."""
    for name, value in SLEEPING.items():
        os.environ.setdefault(name, value)


def survive_forks() -> None:
    """In a forked child torch would wait for ever for threads that only its parent has: there it works alone."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_work_alone)


def _work_alone() -> None:
    import torch

    torch.set_num_threads(1)
