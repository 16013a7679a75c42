"""Levels that no frame changes: learned queries, position encodings, constants of arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vistream.ir.footprint import Footprint
from vistream.ir.misfit import Misfit
from vistream.ir.operations.operation import Operation
from vistream.ir.value import Value


@dataclass(frozen=True, slots=True, eq=False)
class Constant(Operation):
    """`levels` int8 `[H, W, C]`, whatever the frame's size."""

    name: str
    levels: Tensor

    @property
    def sources(self) -> tuple[str, ...]:
        return ()

    def check(self) -> None:
        if self.levels.dtype != torch.int8 or self.levels.dim() != 3 or not self.levels.numel():
            raise Misfit(f"has levels of {self.levels.dtype} {list(self.levels.shape)}")

    def lay(self, sources: Sequence[Value]) -> Value:
        height, width, channels = self.levels.shape
        return Value(height, width, channels, peak=int(self.levels.to(torch.int16).abs().max()))

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        return ()
