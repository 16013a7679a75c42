"""Timing: rounds in which every contender runs through the same frames, medians over all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vistream.bench.contenders import Contender
from vistream.engine.fidelity import DeadZones
from vistream.engine.stream.backend import Done, EachAlone
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


def layer_times(network: IntegerNetwork, zones: DeadZones, frames: Sequence[Frame]) -> list[LayerTime]:
    """Means over all frames but the first, the input layer (finding what moved) included."""
    seconds: dict[str, float] = {}
    base = backend_class()

    class Timed(EachAlone, base):  # type: ignore[valid-type, misc]  # the class is chosen at run time
        def read(self, frame: Frame, deadband: int) -> int:
            began = time.perf_counter()
            moved: int = super().read(frame, deadband)
            seconds["input"] = seconds.get("input", 0.0) + time.perf_counter() - began
            return moved

        def update(self, plan: LayerPlan, hysteresis: int, needed: Cells | None = None) -> Done:
            began = time.perf_counter()
            done: Done = super().update(plan, hysteresis, needed)
            seconds[plan.layer.name] = seconds.get(plan.layer.name, 0.0) + time.perf_counter() - began
            return done

    stream = Stream(network, zones.deadband, zones.hysteresis, Timed, zones.noise)
    stream.step(frames[0])
    seconds.clear()
    works = [stream.step(frame).work for frame in frames[1:]]
    scale = 1e3 / len(works)
    rows = [LayerTime("input", seconds["input"] * scale, 1.0, 0)]
    for layers in zip(*(work.layers for work in works), strict=True):
        share = sum(layer.pixels for layer in layers) / sum(layer.pixels_total for layer in layers)
        macs = sum(layer.macs for layer in layers) // len(layers)
        rows.append(LayerTime(layers[0].name, seconds.get(layers[0].name, 0.0) * scale, share, macs))
    return rows
