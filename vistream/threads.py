"""The threads of the libraries that we compute with, kept out of the way: they wait for work by spinning, on processors
that others need, and torch's do not survive a fork."""

from __future__ import annotations

import os

CALM = {
    "KMP_BLOCKTIME": "0",  # the two OpenMP libraries that torch comes with: threads sleep while they wait
    "OMP_WAIT_POLICY": "PASSIVE",
    "OPENBLAS_NUM_THREADS": "1",  # NumPy's and SciPy's: our products are small, and its threads spin for 2^26 ticks
    "OPENCV_FOR_THREADS_NUM": "1",  # to wake its threads takes longer than the pictures that we give it
}
"""How these libraries are told so. They read it when they are imported."""


def keep_threads_calm() -> None:
    """For a process of our own, before anything heavy is imported; what the user has set is left as it is."""
    for name, value in CALM.items():
        os.environ.setdefault(name, value)


def survive_forks() -> None:
    """In a forked child torch would wait for ever for threads that only its parent has: there it works alone."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_work_alone)


def _work_alone() -> None:
    import torch

    torch.set_num_threads(1)
