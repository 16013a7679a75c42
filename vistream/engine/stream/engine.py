"""The event-driven engine: from frame to frame, recompute the outputs whose inputs changed, and nothing else.

Its result equals `engine.reference` bit for bit, every frame, with the dead zones off or on: a neuron's level is a pure
function of its inputs (and, with hysteresis, of the level it holds, which unchanged inputs leave as it is), so where no
input changed there is nothing to compute.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from vistream.engine.deadband import Deadband
from vistream.engine.fidelity import check_dead_zones, check_factors, scaled
from vistream.engine.frames import as_frame
from vistream.engine.stream.backend import NOTHING, Backend, Done
from vistream.engine.stream.choose_backend import backend_class
from vistream.engine.stream.demand import Spans, needed_cells
from vistream.engine.stream.plan import LayerPlan, make_plan
from vistream.engine.stream.step import Readout, Step
from vistream.errors import VistreamError
from vistream.ir.network import IntegerNetwork, Output
from vistream.ir.plain_torch import with_plain_torch
from vistream.threads import survive_forks
from vistream.types import Frame, LayerWork, Work

survive_forks()

SHAPED = 1.25  # times as many pixels a cell down as across: the grid of a small map is no more exact
NOWHERE = np.zeros((0, 4), np.int64)
Wanted = Spans | Mapping[str, Spans | None] | None
"""What is asked for: cells of the main output, `[N, 4]`; or of outputs by name (None: all of one); or everything."""


class Stream:
    """One video through one network.

    `deadband`: a pixel is re-read only when a channel moved by more than this many grey levels from the value held
    (0 to 255). `hysteresis`: extra levels by which a pre-activation must leave a neuron's level (>= 0). Both 0: exact.
    `factors`: how many times as wide that is in some layers, by name (see `fidelity.scaled`), so that what changed a
    little where the network is coarse does not reach everything behind it. 0: such a layer holds nothing.
    `noise`: if not 0, the dead-band follows the camera's noise, times this (see `engine.deadband`).
    `backend`: `"compiled"`, `"torch"`, `"auto"` or a class; they give the same levels.
    The attribute `costliest`, once there was a frame: the operation of most dense work among those whose grid has the
    frame's shape.
    """

    @with_plain_torch
    def __init__(
        self,
        network: IntegerNetwork,
        deadband: int = 0,
        hysteresis: int = 0,
        backend: str | type[Backend] = "auto",
        noise: float = 0.0,
        factors: Mapping[str, float] | None = None,
    ) -> None:
        given: object = network
        if not isinstance(given, IntegerNetwork):
            kind = type(given).__name__
            raise VistreamError(f"a Stream is of an IntegerNetwork, not of a {kind}: vistream.stream makes one")
        deadband, hysteresis = check_dead_zones(deadband, hysteresis)
        self.network = network
        self.deadband = Deadband(deadband, noise)
        self.hysteresis = hysteresis
        self._factors = check_factors(factors or {}, [layer.name for layer in network.layers])
        self._make = backend_class(backend)
        self._plans: dict[str, LayerPlan] = {}
        self.costliest = network.output
        self._nothing = Work()  # done, of what there is
        self._taken = False  # a frame of which nothing was computed yet
        self._current = False  # nothing is stale
        self._torn = False  # an exception left a frame half read or half computed: nothing that is held counts
        self._zones: list[int] = []  # the hysteresis of every operation behind the input
        self._done: list[Done] = []  # in this frame, by operation behind the input
        self._backend: Backend | None = None

    def reset(self) -> None:
        """Forget everything: the next frame is a first frame, and may have another size."""
        self._backend = None
        self._taken = self._current = self._torn = False
        self.deadband.reset()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the main output's grid; (0, 0) before the first frame."""
        return self._plans[self.network.output].value.grid if self._plans else (0, 0)

    def levels(self, name: str) -> Tensor:
        """Any operation's value after a step, `[h, w, C]`; the engine's own memory."""
        return self._held.levels(_known(name, self._plans))

    def reached(self, name: str) -> Tensor:
        """Where any operation's value was recomputed in this frame: bool `[h, w]`."""
        return self._held.reached(_known(name, self._plans))

    def state_dict(self) -> dict[str, Any]:
        """Copies of all that a stream remembers, as plain data and arrays. Empty before the first frame."""
        if self._backend is None or self._torn:
            return {}
        if self._taken:
            self.compute(NOWHERE)
        backend, names = self._backend, list(self._plans)
        return {
            "size": list(self._plans[self.network.input.name].value.grid),
            "deadband": self.deadband.state_dict(),
            "values": {name: backend.levels(name).numpy().copy() for name in names},
            "stale": {name: backend.stale(name).copy() for name in names},
            "states": {name: dict(backend.state(name)) for name in names if backend.state(name)},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where another stream of this network was when its `state_dict()` was `state`.

        Raises VistreamError where it is not of this network.
        """
        self.reset()
        if not state:
            return
        try:
            height, width = (int(size) for size in state["size"])
            backend = self._prepare(height, width)
            for name in self._plans:
                values, stale = np.asarray(state["values"][name]), np.asarray(state["stale"][name])
                held = backend.levels(name).numpy()
                if (values.shape, values.dtype, stale.shape) != (held.shape, held.dtype, held.shape[:2]):
                    raise ValueError(f"{name} is {values.dtype} {list(values.shape)}")
                backend.restore(name, values, stale, state["states"].get(name, {}))
            self.deadband.load_state_dict(state["deadband"])
        except (KeyError, ValueError, TypeError) as error:
            self.reset()
            raise VistreamError(f"the stream's state is of another network ({error})") from None

    def __getstate__(self) -> dict[str, Any]:
        """For `copy` and `pickle`: everything but the backend, whose memory is plain data here."""
        return {**self.__dict__, "_backend": None, "_plans": {}, "_memory": self.state_dict()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        memory = state.pop("_memory")
        self.__dict__.update(state)
        self.load_state_dict(memory)

    @with_plain_torch
    def step(self, frame: Frame) -> Step:
        """Take one frame, uint8 `[H, W, C]` (or what `as_frame` makes one of), and give copies of all outputs.

        Raises VistreamError if its size is not that of the frame before.
        """
        self.take(frame)
        self.compute()
        return self.result().copied()

    @with_plain_torch
    def take(self, frame: Frame) -> None:
        """Take one frame as `step` does, and note what changed; nothing is computed yet.

        After one that was interrupted (Ctrl-C, a lack of memory), everything is computed anew.
        """
        if self._torn:
            self.reset()
        first = self._backend is None
        frame = as_frame(frame, self.network.input.channels)
        backend = self._ready(frame)
        if self._taken:
            self.compute(NOWHERE)  # whatever the frame before changed is stale
        self._torn = True
        moved = backend.read(frame, self.deadband.of(frame))
        self._current = self._current and not moved
        self._done = [NOTHING] * len(self._zones)
        self._taken = True
        self._torn = False
        if first and self.hysteresis:
            self.compute()  # a level that was never computed is nothing to hold on to

    @with_plain_torch
    def compute(self, wanted: Wanted = None) -> None:
        """Bring what is `wanted` up to date, and whatever it depends on.

        What is left out is made good when it is asked for, in this frame or a later one. Without hysteresis the levels
        are the same whatever was asked for before; with it, they are in the same band.
        """
        backend = self._held
        if not self._current:
            needed = {} if wanted is None else needed_cells(tuple(self._plans.values()), self._by_value(wanted))
            self._torn = True
            done = backend.update_all(self._zones, needed)
            backend.pause()
            self._done = [_both(before, now) for before, now in zip(self._done, done, strict=True)]
            self._current = wanted is None
        self._taken = self._torn = False

    @with_plain_torch
    def result(self) -> Step:
        """The outputs and the work of the present frame, as far as it was computed."""
        return Step({output.name: self._readout(output) for output in self.network.outputs}, self._work())

    def main(self) -> Readout:
        """The main output of the present frame, as far as it was computed."""
        return self._readout(self.network.outputs[0])

    def _work(self) -> Work:
        if all(done is NOTHING for done in self._done):
            return self._nothing
        layers = [
            nothing if done is NOTHING else _did(nothing, done)
            for nothing, done in zip(self._nothing.layers, self._done, strict=True)
        ]
        return Work(tuple(layers))  # of a list: Python would hoard what it makes of a generator

    def _readout(self, output: Output) -> Readout:
        levels, reached = self._held.levels(output.source), self._held.reached(output.source)
        return Readout(levels, output, self._plans[output.source].value.divisor, reached)

    def _by_value(self, wanted: Spans | Mapping[str, Spans | None]) -> dict[str, Spans | None]:
        if not isinstance(wanted, Mapping):
            return {self.network.output: wanted}
        sources = {output.name: output.source for output in self.network.outputs}
        return {sources[_known(name, sources)]: spans for name, spans in wanted.items()}

    @property
    def _held(self) -> Backend:
        if self._backend is None or self._torn:
            cause = "the last frame was interrupted" if self._torn else "no frame has been taken yet"
            raise VistreamError(f"{cause}: call step or take first")
        return self._backend

    def _ready(self, frame: Frame) -> Backend:
        height, width = frame.shape[:2]
        if self._backend is None:
            return self._prepare(height, width)
        first = self._plans[self.network.input.name]
        if (height, width) != first.value.grid:
            raise VistreamError(
                f"the frame size changed from {first.width}x{first.height} to {width}x{height}: "
                "call reset() to begin a new stream"
            )
        return self._backend

    def _prepare(self, height: int, width: int) -> Backend:
        plans = make_plan(self.network, height, width)
        self._plans = {plan.layer.name: plan for plan in plans}
        shaped = (plan for plan in plans if _is_shaped(plan, plans[0]))
        self.costliest = max(shaped, key=lambda plan: plan.macs * plan.value.positions).layer.name
        factors = [self._factors.get(plan.layer.name, 1) for plan in plans[1:]]
        self._zones = [scaled(self.hysteresis, factor) for factor in factors]
        self._nothing = Work(tuple(_nothing(plan) for plan in plans[1:]))
        self._backend = self._make(plans)
        return self._backend


def _known(name: str, names: Mapping[str, Any]) -> str:
    if name not in names:
        raise VistreamError(f"the network has nothing called {name!r}: it has {', '.join(names)}")
    return name


def _is_shaped(plan: LayerPlan, first: LayerPlan) -> bool:
    """Whether a map's cells lie over the frame's pixels: as many of them down a cell as across, but for rounding."""
    down, across = first.height / plan.height, first.width / plan.width
    return max(down, across) <= SHAPED * min(down, across)


def _both(before: Done, now: Done) -> Done:
    """What two passes of a frame did together; mostly one of them did nothing."""
    return now if before is NOTHING else before if now is NOTHING else before + now


def _nothing(plan: LayerPlan) -> LayerWork:
    total = plan.height * plan.width
    return LayerWork(plan.layer.name, 0, total, 0, total * plan.macs, 0)


def _did(nothing: LayerWork, done: Done) -> LayerWork:
    """Some of what there is to do for an operation."""
    return LayerWork(nothing.name, done.positions, nothing.pixels_total, done.macs, nothing.macs_dense, done.changes)
