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

from vistream.engine.deadband import Deadband
from vistream.engine.stream.backend import Backend, backend_class
from vistream.engine.stream.demand import Spans, needed_cells
from vistream.engine.stream.plan import LayerPlan, make_plan
from vistream.errors import VistreamError
from vistream.ir.layers import IntegerNetwork
from vistream.types import FeatureMap, Frame, LayerWork, Work

DEADBAND, OWED = "(dead-band)", "(owed) "  # in a stream's memory: its place, and what stands before a layer's
NOTHING = np.zeros(0, np.int8)
NOWHERE = np.zeros((0, 4), np.int64)


@dataclass(frozen=True, slots=True)
class Step:
    """What one frame gave: the output layer's levels, int8 `[h, w, C]`, their scale, and the work done.

    `levels` is the engine's own memory: it changes at the next step. `recomputed`: bool `[h, w]`.
    """

    levels: Tensor
    scale: float
    recomputed: Tensor
    work: Work

    def values(self) -> NDArray[np.float32]:
        """The output as real values, float32 `[h, w, C]`."""
        values: NDArray[np.float32] = self.levels.to(torch.float32).mul_(self.scale).numpy()
        return values

    def features(self, frame: Frame) -> FeatureMap:
        """The output on the grid of `frame`."""
        height, width = self.levels.shape[:2]
        return FeatureMap(self.values(), (frame.shape[1] / width, frame.shape[0] / height))


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
        self._nothing = Work()  # done, of what there is
        self._taken = False  # a frame of which nothing was computed yet
        self._current = False  # nothing is owed
        self._done: list[tuple[int, int]] = []  # positions recomputed and levels changed in this frame, by layer
        self._backend: Backend | None = None

    def reset(self) -> None:
        """Forget everything: the next frame is a first frame, and may have another size."""
        self._backend = None
        self._taken = self._current = False
        self.deadband.reset()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the output's grid; (0, 0) before the first frame."""
        return (self._plans[-1].height, self._plans[-1].width) if self._plans else (0, 0)

    def levels(self, name: str) -> Tensor:
        """The levels of any layer after a step, int8 `[h, w, C]`; the engine's own memory."""
        if self._backend is None:
            raise VistreamError("no frame has been taken yet")
        return self._backend.levels(name)

    def memory(self) -> dict[str, NDArray[np.int8]]:
        """Copies of all that a stream remembers: every layer's levels, what is owed, and the state of its dead-band.

        Empty before the first frame.
        """
        if self._backend is None:
            return {}
        if self._taken:
            self.compute(NOWHERE)
        memory = {DEADBAND: self.deadband.state().view(np.int8)}
        for name in (plan.layer.name for plan in self._plans):
            memory[name] = self._backend.levels(name).numpy().copy()
            memory[OWED + name] = self._backend.owed(name).view(np.int8).copy()
        return memory

    def remember(self, frame: Frame, memory: Mapping[str, NDArray[np.int8]]) -> None:
        """Go on from where another stream of this network was after `frame`, when its `memory()` was `memory`.

        Raises VistreamError where it is not of this network and frame size.
        """
        self.reset()
        self.step(frame)
        assert self._backend is not None
        if not memory:
            return
        for name in (plan.layer.name for plan in self._plans):
            levels, owed = memory.get(name, NOTHING), memory.get(OWED + name, NOTHING)
            if (levels.shape, owed.shape) != (self._backend.levels(name).shape, self._backend.owed(name).shape):
                raise VistreamError("the stream's memory is of another network or frame size")
            self._backend.recall(name, levels, owed.view(np.uint8))
        self._current = False
        self.deadband.recall(frame, memory[DEADBAND].view(np.float64))

    def step(self, frame: Frame) -> Step:
        """Take one frame, uint8 `[H, W, C]`; raises VistreamError if its size is not that of the frame before."""
        self.take(frame)
        self.compute()
        return self.result()

    def take(self, frame: Frame) -> None:
        """Take one frame as `step` does, and note what changed; nothing is computed yet."""
        first = self._backend is None
        backend = self._ready(frame)
        if self._taken:
            self.compute(NOWHERE)  # whatever the frame before changed is owed
        moved = backend.read(frame, self.deadband.of(frame))
        self._current = self._current and not moved
        self._done = [(0, 0)] * len(self._plans)
        self._taken = True
        if first and self.hysteresis:
            self.compute()  # a level that was never computed is nothing to hold on to

    def compute(self, spans: Spans | None = None) -> None:
        """Bring the output's cells in `spans`, `[N, 4]` (None: all), up to date, and whatever they depend on.

        What is left out is made good when it is asked for, in this frame or a later one. Without hysteresis the levels
        are the same whatever was asked for before; with it, they are in the same band.
        """
        assert self._backend is not None
        self._taken = False
        if self._current:
            return
        needed = {} if spans is None else needed_cells(self._plans, spans)
        for position, plan in enumerate(self._plans[1:], 1):
            pixels, changes = self._backend.update(plan, self.hysteresis, needed.get(plan.layer.name))
            before = self._done[position]
            self._done[position] = before[0] + pixels, before[1] + changes
        self._backend.pause()
        self._current = spans is None

    def result(self) -> Step:
        """The output and the work of the present frame, as far as it was computed."""
        assert self._backend is not None
        work = self._nothing
        if any(pixels for pixels, _ in self._done):
            counts = zip(self._done[1:], self._nothing.layers, strict=True)
            layers = [_done(nothing, pixels, changes) for (pixels, changes), nothing in counts]
            work = Work(tuple(layers))  # of a list: Python would hoard what it makes of a generator
        last = self.network.output
        return Step(self._backend.levels(last), self.network.scale, self._backend.reached(last), work)

    def _ready(self, frame: Frame) -> Backend:
        channels = self.network.input.channels
        if frame.ndim != 3 or frame.dtype != np.uint8 or frame.shape[2] != channels:
            raise VistreamError(f"a frame must be uint8 [H, W, {channels}], not {frame.dtype} {list(frame.shape)}")
        height, width = frame.shape[:2]
        if self._backend is None:
            self._plans = make_plan(self.network, height, width)
            self._nothing = Work(tuple(_nothing(plan) for plan in self._plans[1:]))
            self._backend = self._make(self._plans)
        first = self._plans[0]
        if (height, width) != (first.height, first.width):
            raise VistreamError(
                f"the frame size changed from {first.width}x{first.height} to {width}x{height}: "
                "call reset() to begin a new stream"
            )
        return self._backend


def _nothing(plan: LayerPlan) -> LayerWork:
    total = plan.height * plan.width
    return LayerWork(plan.layer.name, 0, total, 0, total * plan.macs, 0)


def _done(nothing: LayerWork, pixels: int, changes: int) -> LayerWork:
    """Some of what there is to do for a layer."""
    total, macs = nothing.pixels_total, nothing.macs_dense
    return LayerWork(nothing.name, pixels, total, pixels * (macs // total), macs, changes)
