"""The `float` rung: the network before quantisation, on whole frames. The baseline of accuracy, and nothing else.

It stands where a session has its stream, so that everything behind the network is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vistream.models.model import LoadedModel
from vistream.quantize.named import preprocess_of
from vistream.types import FeatureMap, Frame, LayerWork, Work


@dataclass(frozen=True, slots=True)
class FloatStep:
    """What one frame gave: float32 `[h, w, C]`. All of it is computed, so `recomputed`, bool `[h, w]`, is true."""

    values: Tensor
    recomputed: Tensor
    work: Work


@dataclass(frozen=True, slots=True)
class FloatFeatures(FeatureMap):
    """A frame's features as a task sees them, see `types.Features`, and what they took."""

    step: FloatStep


class FloatNetwork:
    """A float network that is stepped like a stream; frames have no bearing on one another."""

    def __init__(self, model: LoadedModel) -> None:
        self._module = model.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # stubs lack it
        self._preprocess = preprocess_of(model)
        self._work: dict[str, LayerWork] = {}
        for name, module in self._module.named_modules():
            if isinstance(module, nn.Conv2d):
                module.register_forward_hook(partial(self._count, name))

    def reset(self) -> None:
        """Nothing is remembered."""

    def step(self, frame: Frame) -> FloatStep:
        """Take one frame, uint8 `[H, W, 3]`, of any size."""
        with torch.inference_mode():
            values = self._module(self._preprocess(frame).contiguous(memory_format=torch.channels_last))
        values = values[0].permute(1, 2, 0).contiguous()
        whole = torch.ones(values.shape[:2], dtype=torch.bool)
        return FloatStep(values, whole, Work(tuple(self._work.values())))

    def features(
        self, frame: Frame, size: tuple[int, int], whitening: NDArray[np.float32] | None = None
    ) -> FloatFeatures:
        """Take one frame; `size`: (width, height) of the source's, which may differ. `whitening`: see `FeatureMap`."""
        step = self.step(frame)
        height, width = step.values.shape[:2]
        return FloatFeatures(step.values.numpy(), (size[0] / width, size[1] / height), step, whitening=whitening)

    def _count(self, name: str, module: nn.Conv2d, _: object, output: Tensor) -> None:
        pixels, macs = output.shape[2] * output.shape[3], output[0].numel() * module.weight[0].numel()
        self._work[name] = LayerWork(name, pixels, pixels, macs, macs, output[0].numel())
