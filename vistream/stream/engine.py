"""The event-driven engine: from frame to frame, recompute the outputs whose inputs changed, and nothing else.

Its result equals `quantize.dense` bit for bit, every frame, with the dead zones off or on: a neuron's level is a pure
function of its inputs (and, with hysteresis, of the level it holds, which unchanged inputs leave as it is), so where no
input changed there is nothing to compute.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from vistream.errors import VistreamError
from vistream.quantize.layers import PIXEL_ZERO, Concat, Input, IntegerNetwork, MaxPool, Neuron, Upsample
from vistream.stream import torch_kernels as kernels
from vistream.stream.plan import LayerPlan, make_plan
from vistream.types import FeatureMap, Frame, LayerWork, Work


@dataclass(slots=True)
class State:
    """All that a stream remembers: the pixels it holds and every layer's levels. Its size does not grow."""

    pixels: Tensor | None = None
    levels: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """What one frame gave: the output layer's levels, int8 `[h, w, C]`, their scale, and the work done.

    `levels` is the engine's own memory: it changes at the next step. `recomputed`: bool `[h, w]`.
    """

    levels: Tensor
    scale: float
    recomputed: Tensor
    work: Work

    def features(self, frame: Frame) -> FeatureMap:
        """The output as real values, on the grid of `frame`."""
        values = self.levels.to(torch.float32).mul_(self.scale).numpy()
        height, width = self.levels.shape[:2]
        return FeatureMap(values, (frame.shape[1] / width, frame.shape[0] / height))


class Stream:
    """One video through one network.

    `deadband`: a pixel is re-read only when a channel moved by more than this many grey levels from the value held
    (0 to 255). `hysteresis`: extra levels by which a pre-activation must leave a neuron's level (>= 0). Both 0: exact.
    """

    def __init__(self, network: IntegerNetwork, deadband: int = 0, hysteresis: float = 0.0) -> None:
        if not 0 <= deadband <= 255 or not 0.0 <= hysteresis <= 255.0:
            raise VistreamError("the dead-band and the hysteresis must lie in 0 to 255")
        self.network = network
        self.deadband = deadband
        self.hysteresis = hysteresis
        self.state = State()
        self._plan: tuple[LayerPlan, ...] = ()

    def reset(self) -> None:
        """Forget everything: the next frame is a first frame, and may have another size."""
        self.state = State()
        self._plan = ()

    def step(self, frame: Frame) -> Step:
        """Take one frame, uint8 `[H, W, C]`; raises VistreamError if its shape is not that of the frame before."""
        if frame.ndim != 3 or frame.dtype != np.uint8 or frame.shape[2] != self.network.input.channels:
            raise VistreamError(
                f"a frame must be uint8 [H, W, {self.network.input.channels}], not {frame.dtype} {list(frame.shape)}"
            )
        if not self._plan:
            self._plan = make_plan(self.network, frame.shape[0], frame.shape[1])
        first = self._plan[0]
        if frame.shape[:2] != (first.height, first.width):
            raise VistreamError(
                f"the frame size changed from {first.width}x{first.height} to {frame.shape[1]}x{frame.shape[0]}: "
                "call reset() to begin a new stream"
            )
        fresh = self.state.pixels is None
        masks: dict[str, Tensor] = {}
        done: list[LayerWork] = []
        recomputed = torch.empty(0)
        for plan in self._plan:
            if fresh:
                shape = (plan.height, plan.width, plan.channels)
                self.state.levels[plan.layer.name] = torch.zeros(shape, dtype=torch.int8)
            if isinstance(plan.layer, Input):
                masks[plan.layer.name] = recomputed = self._read(frame, plan.layer.name)
                continue
            recomputed = self._reached(plan, masks, fresh)
            index = recomputed.reshape(-1).nonzero()[:, 0]
            masks[plan.layer.name], changes = self._recompute(plan, recomputed, index, masks, fresh)
            done.append(_work(plan, len(index), changes))
        levels = self.state.levels[self.network.output]
        return Step(levels, self.network.scale, recomputed, Work(tuple(done)))

    def _read(self, frame: Frame, name: str) -> Tensor:
        """Take over the pixels that moved; returns where."""
        pixels = torch.from_numpy(frame)
        held = self.state.pixels
        if held is None:
            self.state.pixels = held = pixels.clone()
            moved = torch.ones(pixels.shape[:2], dtype=torch.bool)
        else:
            distance = torch.maximum(pixels, held) - torch.minimum(pixels, held)
            moved = distance.amax(2) > self.deadband
            held[moved] = pixels[moved]
        self.state.levels[name][moved] = (held[moved].to(torch.int16) - PIXEL_ZERO).to(torch.int8)
        return moved

    def _reached(self, plan: LayerPlan, masks: dict[str, Tensor], fresh: bool) -> Tensor:
        """The output positions with a changed input."""
        layer = plan.layer
        mask = torch.full((plan.height, plan.width), fresh)
        if fresh:
            return mask
        if isinstance(layer, Neuron):
            for synapse in plan.synapses:
                source = masks[synapse.source]
                mask |= source.any() if synapse.place is None else kernels.spread(source, synapse.place)
        elif isinstance(layer, MaxPool):
            assert plan.place is not None
            mask |= kernels.spread(masks[layer.source], plan.place)
        elif isinstance(layer, Upsample):
            mask |= _repeat(masks[layer.source], layer.factor)
        elif isinstance(layer, Concat):
            for name in layer.sources:
                mask |= masks[name]
        return mask

    def _recompute(
        self, plan: LayerPlan, reached: Tensor, index: Tensor, masks: dict[str, Tensor], fresh: bool
    ) -> tuple[Tensor, int]:
        """Bring the positions `index` of a layer up to date; returns where it changed and how many values did.

        On a first frame everything counts as changed, since nothing was held before.
        """
        layer, levels = plan.layer, self.state.levels
        own = levels[layer.name]
        if not len(index):
            return reached, 0
        if isinstance(layer, Neuron):
            charges = [kernels.charge(synapse, levels[synapse.source], index) for synapse in plan.synapses]
            multipliers = [synapse.multiplier for synapse in plan.synapses]
            hysteresis = 0.0 if fresh else self.hysteresis
            changed, changes = kernels.fire(layer, charges, multipliers, own, index, hysteresis)
        else:
            rows = own.reshape(-1, plan.channels)
            new = self._moved(plan, index)
            differs = new != rows[index]
            rows[index] = new
            changed, changes = differs.any(1), int(differs.sum())
        if fresh:
            return reached, changes
        mask = torch.zeros_like(reached)
        mask.view(-1)[index] = changed
        return mask, changes

    def _moved(self, plan: LayerPlan, index: Tensor) -> Tensor:
        """New levels `[n, C]` of a layer that only moves levels about."""
        layer, levels = plan.layer, self.state.levels
        if isinstance(layer, MaxPool):
            assert plan.place is not None
            return kernels.pool(levels[layer.source], plan.place, index)
        if isinstance(layer, Upsample):
            whole = _repeat(levels[layer.source], layer.factor)
            return whole.reshape(-1, plan.channels)[index]
        assert isinstance(layer, Concat)
        return torch.cat([levels[name].reshape(-1, levels[name].shape[2])[index] for name in layer.sources], 1)


def _repeat(x: Tensor, factor: tuple[int, int]) -> Tensor:
    return x.repeat_interleave(factor[0], 0).repeat_interleave(factor[1], 1)


def _work(plan: LayerPlan, pixels: int, changes: int) -> LayerWork:
    total = plan.height * plan.width
    return LayerWork(plan.layer.name, pixels, total, pixels * plan.macs, total * plan.macs, changes)
