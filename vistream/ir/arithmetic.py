"""Torch as the program's arithmetic expects it, whatever the caller has set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def plain_arithmetic() -> Iterator[None]:
    """No autocast, no gradients, no inference tensors, and float32 as the default type; a decorator as well."""
    default = torch.get_default_dtype()
    with torch.inference_mode(False), torch.no_grad(), torch.autocast("cpu", enabled=False):
        try:
            torch.set_default_dtype(torch.float32)
            yield
        finally:
            torch.set_default_dtype(default)
