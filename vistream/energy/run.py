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

from vistream.energy.counts import Counts, FrameCounts, LayerCounts, LayerSize, Outcome, SpikeCounts
from vistream.energy.rapl import Meter
from vistream.engine.reference import Dense
from vistream.engine.spiking import LayerSpikes, Mode, Simulator, SpikingStep
from vistream.engine.spiking.table import analog_sources, graded_sources
from vistream.engine.stream.engine import Stream
from vistream.engine.stream.plan import LayerPlan, make_plan
from vistream.errors import VistreamError
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import Input, Neuron, Operation
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
        self.sizes = _layer_sizes(network, self.plans)
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
        for layer, again, onward in zip(self.network.computing, reset.layers, differential.layers, strict=True):
            plan, streamed = self.plans[layer.name], done[layer.name]
            macs, adds = nonzero_operations(plan, levels)
            per_pixel = _adds(layer, self.plans) // (plan.height * plan.width)
            counts.append(
                LayerCounts(
                    macs,
                    adds,
                    streamed.pixels * plan.channels,
                    streamed.macs,
                    streamed.pixels * per_pixel,
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
    weight, none of whose factors is 0. Exact: a value at the border has fewer targets."""
    layer = plan.layer
    occupied = [levels[source] != 0 for source in layer.sources]
    adds = sum(int(occupied[slot].sum()) for slot in _unweighted(layer))
    return layer.used_macs(plan.sources, occupied), adds


def _layer_sizes(network: IntegerNetwork, plans: dict[str, LayerPlan]) -> tuple[LayerSize, ...]:
    readers = [source for layer in network.layers for source in layer.sources]
    analog, graded = analog_sources(network), graded_sources(network)
    sizes = []
    for layer in network.computing:
        plan = plans[layer.name]
        full = [torch.ones((*source.grid, source.channels), dtype=torch.bool) for source in plan.sources]
        sizes.append(
            LayerSize(
                layer.name,
                plan.value.size,
                plan.value.positions * plan.macs,
                layer.used_macs(plan.sources, full),
                _adds(layer, plans),
                _weights(layer),
                sum(source.size for source in plan.sources),
                readers.count(layer.name),
                bool(analog & set(layer.sources)),
                bool(graded & set(layer.sources)),
                plan.value.kind.dtype.itemsize,
            )
        )
    return tuple(sizes)


def _weights(layer: Operation) -> int:
    if isinstance(layer, Neuron):
        return sum(synapse.weight.numel() for synapse in layer.synapses if synapse.weight is not None)
    weight = getattr(layer, "weight", None)
    return 0 if weight is None else int(weight.numel())


def _unweighted(layer: Operation) -> list[int]:
    """The sources that are added as they are."""
    if not isinstance(layer, Neuron):
        return []
    return [slot for slot, synapse in enumerate(layer.synapses) if synapse.weight is None]


def _adds(layer: Operation, plans: dict[str, LayerPlan]) -> int:
    return sum(plans[layer.sources[slot]].value.size for slot in _unweighted(layer))


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
