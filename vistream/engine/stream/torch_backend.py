"""The stream's memory and steps in plain torch: the reference for faster backends, and what runs without numba."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.engine.stream import torch_kernels as kernels
from vistream.engine.stream.demand import Cells
from vistream.engine.stream.plan import LayerPlan
from vistream.ir.layers import PIXEL_ZERO, Concat, MaxPool, Neuron, Upsample
from vistream.types import Frame


class TorchBackend:
    """See `backend.Backend`."""

    name = "torch"

    def __init__(self, plans: tuple[LayerPlan, ...]) -> None:
        self._input = plans[0].layer.name
        self._fresh: bool | None = None
        self._levels = {
            plan.layer.name: torch.zeros((plan.height, plan.width, plan.channels), dtype=torch.int8) for plan in plans
        }
        self._changed = {plan.layer.name: torch.zeros((plan.height, plan.width), dtype=torch.bool) for plan in plans}
        self._reached = {name: torch.zeros_like(mask) for name, mask in self._changed.items()}
        self._owed = {name: np.ones(mask.shape, np.uint8) for name, mask in self._changed.items()}

    def levels(self, name: str) -> Tensor:
        return self._levels[name]

    def reached(self, name: str) -> Tensor:
        return self._reached[name]

    def owed(self, name: str) -> Cells:
        return self._owed[name]

    def recall(self, name: str, levels: NDArray[np.int8], owed: Cells) -> None:
        self._levels[name].copy_(torch.from_numpy(levels))
        self._owed[name][:] = owed

    def read(self, frame: Frame, deadband: int) -> int:
        self._fresh = self._fresh is None
        pixels = torch.from_numpy(frame).to(torch.int16) - PIXEL_ZERO
        levels = self._levels[self._input]
        moved = (pixels - levels).abs().amax(2) > deadband if not self._fresh else torch.ones(frame.shape[:2]) > 0
        levels[moved] = pixels[moved].to(torch.int8)
        self._reached = {name: torch.zeros_like(mask) for name, mask in self._changed.items()}
        self._changed[self._input] = self._reached[self._input] = moved
        return int(moved.sum())

    def update(self, plan: LayerPlan, hysteresis: int, needed: Cells | None = None) -> tuple[int, int]:
        name = plan.layer.name
        owed = torch.from_numpy(self._owed[name])
        owed |= self._spread(plan)
        taken = owed > 0 if needed is None else (owed & torch.from_numpy(needed)) > 0
        owed[taken] = 0
        index = taken.reshape(-1).nonzero()[:, 0]
        changed, changes = self._recompute(plan, index, 0 if self._fresh else hysteresis)
        mask = torch.zeros_like(taken)
        mask.view(-1)[index] = changed
        self._reached[name] |= taken
        self._changed[name] = mask
        return len(index), changes

    def pause(self) -> None:
        self._changed[self._input] = torch.zeros_like(self._changed[self._input])

    def _spread(self, plan: LayerPlan) -> Tensor:
        """The output positions with a changed input."""
        layer = plan.layer
        mask = torch.zeros((plan.height, plan.width), dtype=torch.bool)
        if isinstance(layer, Neuron):
            for synapse in plan.synapses:
                source = self._changed[synapse.source]
                mask |= source.any() if synapse.place is None else kernels.spread(source, synapse.place)
        elif isinstance(layer, MaxPool):
            assert plan.place is not None
            mask |= kernels.spread(self._changed[layer.source], plan.place)
        elif isinstance(layer, Upsample):
            mask |= _repeat(self._changed[layer.source], layer.factor)
        elif isinstance(layer, Concat):
            for name in layer.sources:
                mask |= self._changed[name]
        return mask

    def _recompute(self, plan: LayerPlan, index: Tensor, hysteresis: int) -> tuple[Tensor, int]:
        """Bring the positions `index` up to date: which of them changed, bool `[n]`, and how many levels did."""
        layer, levels = plan.layer, self._levels
        own = levels[layer.name]
        if not len(index):
            return torch.zeros(0, dtype=torch.bool), 0
        if isinstance(layer, Neuron):
            charges = [kernels.charge(synapse, levels[synapse.source], index) for synapse in plan.synapses]
            multipliers = [synapse.multiplier for synapse in plan.synapses]
            return kernels.fire(layer, charges, multipliers, own, index, hysteresis)
        rows = own.reshape(-1, plan.channels)
        new = self._moved(plan, index)
        differs = new != rows[index]
        rows[index] = new
        return differs.any(1), int(differs.sum())

    def _moved(self, plan: LayerPlan, index: Tensor) -> Tensor:
        """New levels `[n, C]` of a layer that only moves levels about."""
        layer, levels = plan.layer, self._levels
        if isinstance(layer, MaxPool):
            assert plan.place is not None
            return kernels.pool(levels[layer.source], plan.place, index)
        if isinstance(layer, Upsample):
            return _repeat(levels[layer.source], layer.factor).reshape(-1, plan.channels)[index]
        assert isinstance(layer, Concat)
        return torch.cat([levels[name].reshape(-1, levels[name].shape[2])[index] for name in layer.sources], 1)


def _repeat(x: Tensor, factor: tuple[int, int]) -> Tensor:
    return x.repeat_interleave(factor[0], 0).repeat_interleave(factor[1], 1)
