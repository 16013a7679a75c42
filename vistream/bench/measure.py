"""Timing: rounds in which every contender runs through the same frames, medians over all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from vistream.bench.contenders import Contender
from vistream.engine.fidelity import DeadZones
from vistream.engine.stream.backend import Backend, Done, EachAlone
from vistream.engine.stream.choose_backend import backend_class
from vistream.engine.stream.demand import Cells
from vistream.engine.stream.engine import Stream
from vistream.engine.stream.plan import LayerPlan
from vistream.ir.network import IntegerNetwork
from vistream.types import Frame


@dataclass(slots=True)
class Timing:
    """Milliseconds a frame. `first` are those of first frames, where everything is new; `share` of the dense MACs."""

    name: str
    frames: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    share: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.frames)

    @property
    def spread(self) -> tuple[float, float]:
        """The quartiles."""
        if len(self.frames) < 2:
            return self.frames[0], self.frames[0]
        quarters = statistics.quantiles(self.frames, n=4, method="inclusive")
        return quarters[0], quarters[2]


Turn = Callable[[Timing], None]


def contender_turn(contender: Contender, frames: Sequence[Frame]) -> Turn:
    """One pass of a contender over the frames. They are prepared once, outside the clock."""
    prepared = [contender.prepare(frame) for frame in frames]

    def turn(timing: Timing) -> None:
        for frame in prepared:
            began = time.perf_counter()
            contender.run(frame)
            timing.frames.append(1e3 * (time.perf_counter() - began))
            timing.share.append(1.0)

    return turn


def stream_turn(network: IntegerNetwork, zones: DeadZones, frames: Sequence[Frame]) -> Turn:
    """One pass of the stream over the frames, from a reset; the first frame is kept apart."""
    stream = Stream(network, zones.deadband, zones.hysteresis, noise=zones.noise)

    def turn(timing: Timing) -> None:
        stream.reset()
        for position, frame in enumerate(frames):
            began = time.perf_counter()
            step = stream.step(frame)
            taken = 1e3 * (time.perf_counter() - began)
            if position == 0:
                timing.first.append(taken)
            else:
                timing.frames.append(taken)
                timing.share.append(step.work.share)

    return turn


def compete(turns: dict[str, Turn], rounds: int, progress: Callable[[str], None]) -> list[Timing]:
    """`rounds` rounds after one that does not count; in each, everyone takes a turn."""
    timings = [Timing(name) for name in turns]
    for lap in range(rounds + 1):
        for timing, turn in zip(timings, turns.values(), strict=True):
            progress(f"round {lap} of {rounds}: {timing.name}")
            turn(Timing("warm-up") if lap == 0 else timing)
    return timings


@dataclass(frozen=True, slots=True)
class LayerTime:
    """One layer of the stream: milliseconds a frame, share of its positions recomputed, multiply-accumulates done."""

    name: str
    milliseconds: float
    share: float
    macs: int


class Update(NamedTuple):
    """What `LayerClock` notes of an update: the layer, seconds, what was done."""

    plan: LayerPlan
    seconds: float
    done: Done


class LayerClock:
    """Times a stream operation by operation, by the clock given: `Stream(network, backend=clock.backend)`.

    `updates`: of every operation behind the input, in order; `reads`: the seconds that finding what moved took. Both
    grow until `clear` is called. `backend`: the best one here, noting these.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.reads: list[float] = []
        self.updates: list[Update] = []
        self.backend = self._noting(backend_class())

    def clear(self) -> None:
        """Forget what was noted so far, such as a first frame, where everything is new."""
        self.reads.clear()
        self.updates.clear()

    def by_layer(self) -> dict[str, float]:
        """The seconds of every operation behind the input, in order."""
        seconds: dict[str, float] = {}
        for plan, taken, _ in self.updates:
            seconds[plan.layer.name] = seconds.get(plan.layer.name, 0.0) + taken
        return seconds

    def _noting(self, base: type[Backend]) -> type[Backend]:
        clock, reads, updates = self.clock, self.reads, self.updates

        class Timed(EachAlone, base):  # type: ignore[valid-type, misc]  # the class is chosen at run time
            def read(self, frame: Frame, deadband: int) -> int:
                began = clock()
                moved: int = super().read(frame, deadband)
                reads.append(clock() - began)
                return moved

            def update(self, plan: LayerPlan, hysteresis: int, needed: Cells | None = None) -> Done:
                began = clock()
                done: Done = super().update(plan, hysteresis, needed)
                updates.append(Update(plan, clock() - began, done))
                return done

        return Timed


def layer_times(network: IntegerNetwork, zones: DeadZones, frames: Sequence[Frame]) -> list[LayerTime]:
    """Means over all frames but the first, the input layer (finding what moved) included."""
    clock = LayerClock(time.perf_counter)
    stream = Stream(network, zones.deadband, zones.hysteresis, clock.backend, zones.noise)
    stream.step(frames[0])
    clock.clear()
    works = [stream.step(frame).work for frame in frames[1:]]
    seconds, scale = clock.by_layer(), 1e3 / len(works)
    rows = [LayerTime("input", sum(clock.reads) * scale, 1.0, 0)]
    for layers in zip(*(work.layers for work in works), strict=True):
        share = sum(layer.pixels for layer in layers) / sum(layer.pixels_total for layer in layers)
        macs = sum(layer.macs for layer in layers) // len(layers)
        rows.append(LayerTime(layers[0].name, seconds.get(layers[0].name, 0.0) * scale, share, macs))
    return rows
