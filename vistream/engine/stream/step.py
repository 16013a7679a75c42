"""What a frame gives: the outputs of the network, and the work that was done for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.ir.network import Output
from vistream.types import FeatureMap, Frame, Work


@dataclass(frozen=True, slots=True)
class Readout:
    """An output: its numbers, `[h, w, C]` (int8 levels, int32 sums or float32), and their scale (see `Output`).

    `levels` may be the engine's own memory, which changes at the next frame: `Stream.result` gives that, `Stream.step`
    a copy. `recomputed`: bool `[h, w]`.
    """

    levels: Tensor
    output: Output
    divisor: int
    recomputed: Tensor

    def values(self) -> NDArray[np.float32]:
        """As real values, float32 `[h, w, C]`; of the output's own shape where that is no map."""
        values: NDArray[np.float32] = self.output.real(self.levels, self.divisor).numpy()
        return values.reshape(self.output.shape) if self.output.shape else values


@dataclass(frozen=True, slots=True)
class Step:
    """What one frame gave: every output by name, the main one first, and the work done."""

    outputs: Mapping[str, Readout]
    work: Work

    def copied(self) -> Step:
        """The same, that later steps leave as it is."""
        outputs = {name: Readout(_copy(one.levels), one.output, one.divisor, _copy(one.recomputed))
                   for name, one in self.outputs.items()}  # fmt: skip
        return Step(outputs, self.work)

    @property
    def main(self) -> Readout:
        return next(iter(self.outputs.values()))

    @property
    def levels(self) -> Tensor:
        """Of the main output."""
        return self.main.levels

    @property
    def recomputed(self) -> Tensor:
        """Of the main output: bool `[h, w]`."""
        return self.main.recomputed

    def values(self) -> NDArray[np.float32]:
        """The main output as real values, float32 `[h, w, C]`."""
        return self.main.values()

    def features(self, frame: Frame) -> FeatureMap:
        """The main output on the grid of `frame`."""
        height, width = self.levels.shape[:2]
        return FeatureMap(self.values(), (frame.shape[1] / width, frame.shape[0] / height))


def _copy(tensor: Tensor) -> Tensor:
    """A clone that NumPy makes: torch's threads, woken for it, take longer, on a busy machine 1000 times."""
    return torch.from_numpy(tensor.numpy().copy())
