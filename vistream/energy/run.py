"""Run a clip every way at once and count: the dense network, `stream`, and the spiking network with and without reset.

What leaves here for `energy` are counts, and for the picture a map of what changed. No prices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.energy.counts import Counts, FrameCounts, LayerCounts, Outcome, SpikeCounts
from vistream.energy.rapl import Meter
from vistream.energy.sizes import layer_sizes, occupied_operations, split
from vistream.engine.reference import Dense
from vistream.engine.spiking import LayerSpikes, Mode, Simulator, SpikingStep
from vistream.engine.stream.engine import Stream
from vistream.engine.stream.plan import LayerPlan, make_plan
from vistream.errors import VistreamError
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import Input, Neuron
from vistream.quantize.named import NamedNetwork
from vistream.types import Frame, Work


@dataclass(frozen=True, slots=True)
class Activity:
    """How many of a layer's `channels` activations changed at each position, in the mean of the later frames."""

    layer: str
    changes: NDArray[np.float64]
    channels: int


@dataclass(frozen=True, slots=True)
class EnergyRun:
    """The counts, the last frame as the network saw it, and maps of activity from the first layers to the last."""

    counts: Counts
    last: Frame
    activity: tuple[Activity, ...]


class _Clip:
    """All four ways of running one clip, side by side."""

    def __init__(self, network: IntegerNetwork, steps: int, frame: Frame) -> None:
        self.network = network
        self.plans = {plan.layer.name: plan for plan in make_plan(network, *frame.shape[:2])}
        self.sizes = layer_sizes(network, self.plans)
        self.changes = {layer.name: torch.zeros(_grid(self.plans[layer.name])) for layer in network.computing}
        self._meter = Meter()
        self._dense = Dense(network)
        self._stream = Stream(network)
        self._reset = Simulator(network, Mode.RESET, steps)
        self._differential = Simulator(network, Mode.DIFFERENTIAL, steps)
        self._held: dict[str, Tensor] = {}

    def step(self, frame: Frame, index: int) -> FrameCounts:
        joules: dict[str, float] = {}
        self._meter.lap()
        levels = self._dense.step(frame)
        self._note(joules, "dense QANN, as the reference runs it")
        streamed = self._stream.step(frame)
        self._note(joules, "stream")
        reset = self._reset.step(frame)
        self._note(joules, "simulation of the SNN with reset")
        differential = self._differential.step(frame)
        self._note(joules, "simulation of the frame-differential SNN")
        self._watch(levels)
        expected = levels[self.network.output]
        return FrameCounts(
            index,
            self._layers(levels, streamed.work, reset, differential),
            _outcome(reset, expected),
            _outcome(differential, expected),
            int((streamed.levels != expected).sum()),
            joules,
        )

    def _note(self, joules: dict[str, float], name: str) -> None:
        used = self._meter.lap()
        if used is not None:
            joules[name] = used

    def _watch(self, levels: dict[str, Tensor]) -> None:
        if self._held:
            for name, changes in self.changes.items():
                changes += (levels[name] != self._held[name]).sum(2)
        self._held = levels

    def _layers(
        self, levels: dict[str, Tensor], work: Work, reset: SpikingStep, differential: SpikingStep
    ) -> tuple[LayerCounts, ...]:
        done = {layer.name: layer for layer in work.layers}
        counts = []
        ways = zip(self.network.computing, self.sizes, reset.layers, differential.layers, strict=True)
        for layer, size, again, onward in ways:
            plan, streamed = self.plans[layer.name], done[layer.name]
            macs, adds = nonzero_operations(plan, levels)
            stream_macs, stream_adds = split(layer, streamed.macs)
            if isinstance(layer, Neuron):
                stream_adds = streamed.pixels * (size.adds // plan.value.positions)
            counts.append(
                LayerCounts(
                    macs,
                    adds,
                    streamed.pixels * plan.channels,
                    stream_macs,
                    stream_adds,
                    streamed.changes,
                    _spikes(again),
                    _spikes(onward),
                )
            )
        return tuple(counts)


def count_energy(
    frames: Iterable[tuple[int, Frame]],
    named: NamedNetwork,
    source: str,
    steps: int = 32,
    on_frame: Callable[[FrameCounts], None] = lambda _: None,
) -> EnergyRun:
    """Count what each way of computing does for `frames`: (index, uint8 `[H, W, 3]`) of one size.

    `steps`: time steps that a spiking network may take a frame; `on_frame` is told of each one that is done.
    Raises VistreamError where there is no frame, or frames do not fit the network.
    """
    clip: _Clip | None = None
    counted = []
    for index, frame in frames:
        if clip is None:
            clip = _Clip(named.network, steps, frame)
        counted.append(clip.step(frame, index))
        on_frame(counted[-1])
    if clip is None:
        raise VistreamError(f"{source}: there is no frame to count")
    plans = clip.plans.values()
    moved = [plan for plan in plans if not isinstance(plan.layer, Input) and not plan.layer.computes]
    held = [plan.value.size for plan in moved]
    output = clip.plans[named.network.output]
    counts = Counts(
        source,
        named.name,
        named.sha256,
        (frame.shape[1], frame.shape[0]),
        steps,
        output.value.size,
        frame.size,
        sum(held),
        clip.sizes,
        tuple(counted),
    )
    return EnergyRun(counts, frame, _activity(clip, len(counted) - 1))


def nonzero_operations(plan: LayerPlan, levels: dict[str, Tensor]) -> tuple[int, int]:
    """Of a layer, given the values of its sources, `[H, W, C]`: the multiply-accumulates, and the additions without a
    weight, none of whose factors is 0."""
    return occupied_operations(plan, [levels[source] != 0 for source in plan.layer.sources])


def _grid(plan: LayerPlan) -> tuple[int, int]:
    return plan.height, plan.width


def _spikes(layer: LayerSpikes) -> SpikeCounts:
    return SpikeCounts(layer.positive, layer.negative, layer.sops, layer.macs, layer.updates)


def _outcome(step: SpikingStep, expected: Tensor) -> Outcome:
    return Outcome(step.steps, step.rested, int((step.levels != expected).sum()))


def _activity(clip: _Clip, frames: int) -> tuple[Activity, ...]:
    """Of the first neuron layer, one in the middle and the last; none where nothing could change."""
    names = list(clip.changes)
    chosen = list(dict.fromkeys((names[0], names[len(names) // 2], names[-1]))) if frames else []
    return tuple(
        Activity(name, clip.changes[name].numpy().astype(np.float64) / frames, clip.plans[name].channels)
        for name in chosen
    )
