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
from vistream.engine.spiking.simulator import analog_sources
from vistream.engine.stream.engine import Stream
from vistream.engine.stream.plan import LayerPlan, make_plan
from vistream.errors import VistreamError
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import Input, Neuron, Synapse
from vistream.ir.window import Window
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
        self.changes = {layer.name: torch.zeros(_grid(self.plans[layer.name])) for layer in network.neurons}
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
        for layer, again, onward in zip(self.network.neurons, reset.layers, differential.layers, strict=True):
            macs, adds = nonzero_operations(layer, levels)
            plan, streamed = self.plans[layer.name], done[layer.name]
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
    Raises VistreamError where there is no frame, or frames are too small for the network.
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
    held = [plan.height * plan.width * plan.channels for plan in plans if not isinstance(plan.layer, (Input, Neuron))]
    output = clip.plans[named.network.output]
    counts = Counts(
        source,
        named.name,
        named.sha256,
        (frame.shape[1], frame.shape[0]),
        steps,
        output.height * output.width * output.channels,
        frame.size,
        sum(held),
        clip.sizes,
        tuple(counted),
    )
    return EnergyRun(counts, frame, _activity(clip, len(counted) - 1))


def nonzero_operations(layer: Neuron, levels: dict[str, Tensor]) -> tuple[int, int]:
    """Of a neuron layer, given the levels (int8 `[H, W, C]`) of its sources: the multiply-accumulates, and the
    additions without a weight, whose source value is not 0. Exact: a value at the border has fewer targets."""
    macs = adds = 0
    for synapse in layer.synapses:
        occupied = (levels[synapse.source] != 0).sum(2)
        if synapse.weight is None:
            adds += int(occupied.sum())
        else:
            macs += int((occupied * _targets(synapse, *occupied.shape)).sum())
    return macs, adds


def _targets(synapse: Synapse, height: int, width: int) -> Tensor:
    """How many neurons each source value reaches, by position: int64 `[height, width]`."""
    assert synapse.weight is not None and synapse.window is not None
    rows, columns = _windows(synapse.window, height, width)
    return rows[:, None] * columns[None] * (len(synapse.weight) // synapse.groups)


def _windows(window: Window, height: int, width: int) -> tuple[Tensor, Tensor]:
    """In how many windows each row and each column of the source lies."""
    placed = window.place(height, width)
    found = []
    for axis, (size, outputs, before) in enumerate(
        ((height, placed.height, placed.top), (width, placed.width, placed.left))
    ):
        taps = torch.arange(window.kernel[axis]) * window.dilation[axis] - before
        inputs = (torch.arange(outputs)[:, None] * window.stride[axis] + taps).flatten()
        found.append(torch.bincount(inputs[(inputs >= 0) & (inputs < size)], minlength=size))
    return found[0], found[1]


def _layer_sizes(network: IntegerNetwork, plans: dict[str, LayerPlan]) -> tuple[LayerSize, ...]:
    readers = [source for layer in network.layers if not isinstance(layer, Input) for source in layer.sources]
    analog = analog_sources(network)
    sizes = []
    for layer in network.neurons:
        plan = plans[layer.name]
        macs = plan.height * plan.width * plan.macs
        weights = [synapse.weight.numel() for synapse in layer.synapses if synapse.weight is not None]
        inputs = sum(_values(plans[source]) for source in layer.sources)
        synapses = sum(_synapses(synapse, plans[synapse.source]) for synapse in layer.synapses)
        pixels = any(source in analog for source in layer.sources)
        sizes.append(
            LayerSize(
                layer.name,
                _values(plan),
                macs,
                synapses,
                _adds(layer, plans),
                sum(weights),
                inputs,
                readers.count(layer.name),
                pixels,
            )
        )
    return tuple(sizes)


def _synapses(synapse: Synapse, source: LayerPlan) -> int:
    if synapse.weight is None:
        return 0
    return int(_targets(synapse, source.height, source.width).sum()) * source.channels


def _adds(layer: Neuron, plans: dict[str, LayerPlan]) -> int:
    return sum(_values(plans[synapse.source]) for synapse in layer.synapses if synapse.weight is None)


def _values(plan: LayerPlan) -> int:
    return plan.height * plan.width * plan.channels


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
