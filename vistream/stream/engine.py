"""The event-driven engine: from frame to frame, recompute the outputs whose inputs changed, and nothing else.

Its result equals `quantize.dense` bit for bit, every frame, with the dead zones off or on: a neuron's level is a pure
function of its inputs (and, with hysteresis, of the level it holds, which unchanged inputs leave as it is), so where no
input changed there is nothing to compute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.errors import VistreamError
from vistream.quantize.deadband import Deadband
from vistream.quantize.layers import IntegerNetwork
from vistream.stream.backend import Backend, backend_class
from vistream.stream.plan import LayerPlan, make_plan
from vistream.types import FeatureMap, Frame, LayerWork, Work

DEADBAND = "(dead-band)"  # its place in a stream's memory, between the layers'


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
    `noise`: if not 0, the dead-band follows the camera's noise, times this (see `quantize.deadband`).
    `backend`: `"numba"`, `"torch"`, `"auto"` or a class; they give the same levels.
    """

    def __init__(
        self,
        network: IntegerNetwork,
        deadband: int = 0,
        hysteresis: int = 0,
        backend: str | type[Backend] = "auto",
        noise: float = 0.0,
    ) -> None:
        if not 0 <= deadband <= 255 or not 0 <= hysteresis <= 255:
            raise VistreamError("the dead-band and the hysteresis must lie in 0 to 255")
        self.network = network
        self.deadband = Deadband(deadband, noise)
        self.hysteresis = hysteresis
        self._make = backend_class(backend) if isinstance(backend, str) else backend
        self._plans: tuple[LayerPlan, ...] = ()
        self._backend: Backend | None = None

    def reset(self) -> None:
        """Forget everything: the next frame is a first frame, and may have another size."""
        self._backend = None
        self.deadband.reset()

    def levels(self, name: str) -> Tensor:
        """The levels of any layer after a step, int8 `[h, w, C]`; the engine's own memory."""
        if self._backend is None:
            raise VistreamError("no frame has been taken yet")
        return self._backend.levels(name)

    def memory(self) -> dict[str, NDArray[np.int8]]:
        """Copies of all that a stream with dead zones remembers: every layer's levels, and the state of its dead-band.

        Empty before the first frame.
        """
        if self._backend is None:
            return {}
        memory = {plan.layer.name: self._backend.levels(plan.layer.name).numpy().copy() for plan in self._plans}
        return memory | {DEADBAND: self.deadband.state().view(np.int8)}

    def remember(self, frame: Frame, memory: Mapping[str, NDArray[np.int8]]) -> None:
        """Go on from where another stream of this network was after `frame`, when its `memory()` was `memory`.

        Without dead zones the levels follow from the frame alone, and `memory` may be empty. Raises VistreamError
        where it is not of this network and frame size.
        """
        self.reset()
        self.step(frame)
        assert self._backend is not None
        for name, levels in memory.items():
            if name == DEADBAND:
                self.deadband.recall(frame, levels.view(np.float64))
                continue
            if name not in self.network.channels or self._backend.levels(name).shape != levels.shape:
                raise VistreamError("the stream's memory is of another network or frame size")
            self._backend.levels(name).copy_(torch.from_numpy(levels))

    def step(self, frame: Frame) -> Step:
        """Take one frame, uint8 `[H, W, C]`; raises VistreamError if its size is not that of the frame before."""
        backend = self._ready(frame)
        backend.read(frame, self.deadband.of(frame))
        done = []
        for plan in self._plans[1:]:
            pixels, changes = backend.update(plan, self.hysteresis)
            total = plan.height * plan.width
            name, macs = plan.layer.name, plan.macs
            done.append(LayerWork(name, pixels, total, pixels * macs, total * macs, changes))
        last = self.network.output
        return Step(backend.levels(last), self.network.scale, backend.reached(last), Work(tuple(done)))

    def _ready(self, frame: Frame) -> Backend:
        channels = self.network.input.channels
        if frame.ndim != 3 or frame.dtype != np.uint8 or frame.shape[2] != channels:
            raise VistreamError(f"a frame must be uint8 [H, W, {channels}], not {frame.dtype} {list(frame.shape)}")
        height, width = frame.shape[:2]
        if self._backend is None:
            self._plans = make_plan(self.network, height, width)
            self._backend = self._make(self._plans)
        first = self._plans[0]
        if (height, width) != (first.height, first.width):
            raise VistreamError(
                f"the frame size changed from {first.width}x{first.height} to {width}x{height}: "
                "call reset() to begin a new stream"
            )
        return self._backend
