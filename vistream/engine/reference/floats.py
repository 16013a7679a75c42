"""Operations on real numbers, whose arithmetic `ir` fixes step by step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vistream.ir.operations import DeformableSampling, Island
from vistream.ir.value import Value


def deformable_sampling(layer: DeformableSampling, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    height, width = held[1].shape[:2]
    rows = torch.arange(height).repeat_interleave(width)
    columns = torch.arange(width).repeat(height)
    found = layer.at(sources, [held[0], *(value.flatten(0, 1) for value in held[1:])], rows, columns)
    return found.reshape(height, width, -1)


def island(layer: Island, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    return layer.run(sources, held)
