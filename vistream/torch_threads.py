"""Torch's threads, kept out of the way: they wait for each other by spinning, and do not survive a fork."""

from __future__ import annotations

import os

# How the two OpenMP libraries that torch comes with are told to sleep instead. They read it when torch is imported.
SLEEPING = {"KMP_BLOCKTIME": "0", "OMP_WAIT_POLICY": "PASSIVE"}


def let_waiting_threads_sleep() -> None:
    """For a process of our own, before torch is imported; what the user has set is left as it is."""
    for name, value in SLEEPING.items():
        os.environ.setdefault(name, value)


def survive_forks() -> None:
    """In a forked child torch would wait for ever for threads that only its parent has: there it works alone."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_work_alone)


def _work_alone() -> None:
    import torch

    torch.set_num_threads(1)
