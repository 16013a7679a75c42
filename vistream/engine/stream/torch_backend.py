"""The stream's memory and steps in plain torch: the reference for faster backends, and what runs without them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.engine.stream.backend import NOTHING, Done, EachAlone
from vistream.engine.stream.demand import Cells
from vistream.engine.stream.plan import LayerPlan
from vistream.engine.stream.spread import spread
from vistream.engine.stream.twin import Twin, make_twin
from vistream.ir.operations import PIXEL_ZERO
from vistream.types import Frame


class TorchBackend(EachAlone):
    """See `backend.Backend`."""

    name = "torch"

    def __init__(self, plans: tuple[LayerPlan, ...]) -> None:
        self.plans = plans
        self._input = plans[0].layer.name
        self._fresh: bool | None = None
        shapes = {plan.layer.name: (*plan.value.grid, plan.channels) for plan in plans}
        self._levels = {
            plan.layer.name: torch.zeros(shapes[plan.layer.name], dtype=plan.value.kind.dtype) for plan in plans
        }
        self._changed = {name: torch.zeros(shape[:2], dtype=torch.bool) for name, shape in shapes.items()}
        self._reached = {name: torch.zeros_like(mask) for name, mask in self._changed.items()}
        self._stale = {name: np.ones(mask.shape, np.uint8) for name, mask in self._changed.items()}
        self._twins: dict[str, Twin] = {plan.layer.name: make_twin(plan) for plan in plans[1:]}

    def levels(self, name: str) -> Tensor:
        return self._levels[name]

    def reached(self, name: str) -> Tensor:
        return self._reached[name]

    def stale(self, name: str) -> Cells:
        return self._stale[name]

    def state(self, name: str) -> Mapping[str, NDArray[np.generic]]:
        return {} if name == self._input else self._twins[name].state_dict()

    def restore(
        self, name: str, levels: NDArray[np.generic], stale: Cells, state: Mapping[str, NDArray[np.generic]]
    ) -> None:
        self._fresh = False
        self._levels[name].copy_(torch.from_numpy(levels))
        self._stale[name][:] = stale
        if name != self._input:
            self._twins[name].load_state_dict(state)

    def read(self, frame: Frame, deadband: int) -> int:
        self._fresh = self._fresh is None
        pixels = torch.from_numpy(frame).to(torch.int16) - PIXEL_ZERO
        levels = self._levels[self._input]
        moved = (pixels - levels).abs().amax(2) > deadband if not self._fresh else torch.ones(frame.shape[:2]) > 0
        levels[moved] = pixels[moved].to(torch.int8)
        self._reached = {name: torch.zeros_like(mask) for name, mask in self._changed.items()}
        self._changed[self._input] = self._reached[self._input] = moved
        return int(moved.sum())

    def update(self, plan: LayerPlan, hysteresis: int, needed: Cells | None = None) -> Done:
        name = plan.layer.name
        stale = torch.from_numpy(self._stale[name])
        for source, footprint in zip(plan.layer.sources, plan.footprints, strict=True):
            stale |= spread(self._changed[source], footprint)
        taken = stale > 0 if needed is None else (stale & torch.from_numpy(needed)) > 0
        if plan.layer.whole and bool(taken.any()):
            taken = torch.ones_like(taken)
        stale[taken] = 0
        index = taken.reshape(-1).nonzero()[:, 0]
        mask = torch.zeros_like(taken)
        self._changed[name] = mask
        if not len(index):
            return NOTHING
        self._reached[name] |= taken
        twin = self._twins[name]
        sources = [self._levels[source] for source in plan.layer.sources]
        changed, changes = twin.update(sources, index, self._levels[name], 0 if self._fresh else hysteresis)
        mask.view(-1)[index] = changed
        return Done(len(index), changes, twin.macs)

    def pause(self) -> None:
        self._changed[self._input] = torch.zeros_like(self._changed[self._input])
