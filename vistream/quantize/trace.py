"""From a float torch module to a float program: what the module does, then what folds into which neuron."""

from __future__ import annotations

import torch
from torch import nn

from vistream.quantize.lower import lower
from vistream.quantize.program import Program
from vistream.quantize.record import record

SIZE = (128, 192)  # rows and columns of the picture that a network of any size is read at


def trace(model: nn.Module, channels: int = 3, size: tuple[int, int] = SIZE) -> Program:
    """The program of `model`, which takes `[1, channels, H, W]`, read at `size` (rows, columns).

    Raises VistreamError for what no integer network can do, naming it and where it stands.
    """
    generator = torch.Generator().manual_seed(0)
    sample = torch.randn(1, channels, *size, generator=generator, dtype=torch.float32)
    return lower(record(model, sample))
