"""The `stepped` rung: an integer network as a spiking network, simulated for T time steps a frame. The oracle.

In a time step every layer, first to last, takes in what its sources sent in this step and then fires once, so a spike
travels through the whole network within its step. The frame is delivered as integer pixels (or differences of them) in
the first step; the first layer is analog, and all others see spikes. The simulation of a frame ends when no neuron has
anything left to fire: then, with ST-BIF neurons, every layer equals `quantize.dense` bit for bit. If T steps were not
enough it says so, and what is still due stays due: without reset, the next frame goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from torch import Tensor

from vistream.engine.spiking.events import Events
from vistream.engine.spiking.fanout import FanOut
from vistream.engine.spiking.neuron import PLAIN_IF, FiringRule
from vistream.engine.spiking.population import MOVES, Mover, Neurons, Pixels
from vistream.errors import VistreamError
from vistream.ir.formula import Rounding
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import PIXEL_ZERO, Input, Neuron, Operation
from vistream.ir.value import Kind, Value
from vistream.types import Frame

Population = Pixels | Neurons | Mover


class Mode(Enum):
    """`RESET`: ST-BIF, all state forgotten before each frame. `DIFFERENTIAL`: ST-BIF, fed with frame differences, never
    reset (ViStream). `PLAIN_IF`: integrate-and-fire with reset, the baseline that does *not* equal the network."""

    RESET = "reset"
    DIFFERENTIAL = "differential"
    PLAIN_IF = "if"


@dataclass(slots=True)
class LayerSpikes:
    """What one neuron layer did for one frame.

    `positive`, `negative`: spikes it sent. `sops`: synaptic operations it took in, which is each spike times its true
    fan-out (borders, stride, dilation and groups included). `macs`: the same for analog pixels: multiply-accumulates
    of nonzero pixels or differences. `updates`: neurons, summed over the steps, that had charge to act upon.
    `neurons` and `synapses` (source value, neuron) are the layer's size.
    """

    name: str
    neurons: int
    synapses: int
    positive: int = 0
    negative: int = 0
    sops: int = 0
    macs: int = 0
    updates: int = 0

    def note(self, spikes: Tensor, updates: int) -> None:
        """Add one time step."""
        positive = int(spikes.clamp_min(0).sum(dtype=torch.int64))
        self.positive += positive
        self.negative += positive - int(spikes.sum(dtype=torch.int64))
        self.updates += updates

    @property
    def spikes(self) -> int:
        """Of both signs."""
        return self.positive + self.negative


@dataclass(frozen=True, slots=True)
class SpikingStep:
    """What one frame gave: the output's levels, int8 `[h, w, C]`, and whether the network came to rest (only then do
    they equal the quantised network's). `steps`: the last time step in which a neuron fired, 0 if none did."""

    levels: Tensor
    rested: bool
    steps: int
    layers: tuple[LayerSpikes, ...]

    @property
    def spikes(self) -> int:
        return sum(layer.spikes for layer in self.layers)

    @property
    def sops(self) -> int:
        """Synaptic operations: accumulates."""
        return sum(layer.sops for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the analog first layer."""
        return sum(layer.macs for layer in self.layers)


class Simulator:
    """One video through one network of spiking neurons, at most `steps` time steps a frame (1 to 65535; 127 for plain
    integrate-and-fire, whose counts have no other bound).

    `hysteresis` (levels, >= 0) makes ST-BIF neurons fire late; the result equals the network's only at 0.
    """

    def __init__(
        self, network: IntegerNetwork, mode: Mode = Mode.DIFFERENTIAL, steps: int = 32, hysteresis: float = 0.0
    ) -> None:
        limit = 127 if mode is Mode.PLAIN_IF else 65535
        if not 1 <= steps <= limit:
            raise VistreamError(f"the time steps a frame must lie in 1 to {limit}, not {steps}")
        if not 0.0 <= hysteresis <= 255.0:
            raise VistreamError("the hysteresis must lie in 0 to 255")
        self.network = network
        self.mode = mode
        self.steps = steps
        self.hysteresis = hysteresis
        self._analog = analog_sources(network)
        self._populations: dict[str, Population] = {}

    def reset(self) -> None:
        """Forget everything: the next frame is a first frame, and may have another size."""
        self._populations = {}

    def levels(self, name: str) -> Tensor:
        """The levels of any layer after a step, int8 `[H, W, C]`."""
        if not self._populations:
            raise VistreamError("no frame has been taken yet")
        return self._populations[name].levels

    def step(self, frame: Frame) -> SpikingStep:
        """Take one frame, uint8 `[H, W, C]`; raises VistreamError if its shape is not that of the frame before."""
        self._prepare(frame)
        pixels = self._read(frame)
        counts = {layer.name: self._count(layer) for layer in self.network.neurons}
        last = 0
        for time in range(1, self.steps + 1):
            if self._tick(pixels if time == 1 else None, counts):
                last = time
            if not self._waiting:
                break
        return SpikingStep(self.levels(self.network.output), not self._waiting, last, tuple(counts.values()))

    @property
    def _waiting(self) -> bool:
        return any(population.waiting for population in self._populations.values())

    def _prepare(self, frame: Frame) -> None:
        channels = self.network.input.channels
        if frame.ndim != 3 or frame.dtype != np.uint8 or frame.shape[2] != channels:
            raise VistreamError(f"a frame must be uint8 [H, W, {channels}], not {frame.dtype} {list(frame.shape)}")
        height, width = frame.shape[:2]
        held = self._size
        if held is not None and held != (height, width):
            raise VistreamError(
                f"the frame size changed from {held[1]}x{held[0]} to {width}x{height}: "
                "call reset() to begin a new video"
            )
        if held is None:
            rule = None if self.mode is Mode.PLAIN_IF else self.hysteresis
            self._populations = populate(self.network, height, width, rule)
        elif self.mode is not Mode.DIFFERENTIAL:
            for population in self._populations.values():
                population.reset()

    @property
    def _size(self) -> tuple[int, int] | None:
        """Of the frames of this video; None before the first."""
        if not self._populations:
            return None
        return self._populations[self.network.input.name].size[:2]

    def _read(self, frame: Frame) -> Events:
        pixels = self._populations[self.network.input.name]
        assert isinstance(pixels, Pixels)
        return pixels.read(torch.from_numpy(frame).to(torch.int16) - PIXEL_ZERO)

    def _count(self, layer: Neuron) -> LayerSpikes:
        neurons = self._populations[layer.name]
        assert isinstance(neurons, Neurons)
        rows, columns, channels = neurons.size
        return LayerSpikes(layer.name, rows * columns * channels, neurons.connections)

    def _tick(self, pixels: Events | None, counts: dict[str, LayerSpikes]) -> bool:
        """One time step of the whole network; whether any neuron fired."""
        sent: dict[str, Events] = {} if pixels is None else {self.network.input.name: pixels}
        active = False
        for layer in self.network.layers:
            population = self._populations[layer.name]
            if isinstance(layer, Input) or isinstance(population, Pixels):
                continue
            arriving = [(slot, source) for slot, source in enumerate(layer.sources) if len(sent.get(source, ()))]
            if isinstance(population, Mover):
                for slot, source in arriving:
                    population.receive(slot, sent[source])
                sent[layer.name] = population.fire()
                continue
            count = counts[layer.name]
            for slot, source in arriving:
                operations = population.receive(slot, sent[source])
                if source in self._analog:
                    count.macs += operations
                else:
                    count.sops += operations
            sent[layer.name], updates = population.fire()
            count.note(sent[layer.name].values, updates)
            active |= len(sent[layer.name]) > 0
        return active


def analog_sources(network: IntegerNetwork) -> set[str]:
    """The frame, and what is moved about from it without a neuron between (a concat of both counts as analog)."""
    found = {network.input.name}
    for layer in network.layers:
        if not isinstance(layer, (Input, Neuron)) and found & set(layer.sources):
            found.add(layer.name)
    return found


def populate(network: IntegerNetwork, height: int, width: int, hysteresis: float | None) -> dict[str, Population]:
    """Fresh populations, by name, for frames of `height` x `width`: ST-BIF, or plain where `hysteresis` is None.

    Raises VistreamError where frames do not suit the network, or an operation has no spiking form.
    """
    values = network.lay(height, width)
    return {layer.name: _population(layer, values, hysteresis) for layer in network.layers}


def _population(layer: Operation, values: dict[str, Value], hysteresis: float | None) -> Population:
    value = values[layer.name]
    if isinstance(layer, Input):
        return Pixels((*value.grid, value.channels))
    if isinstance(layer, Neuron) and _fires(layer):
        rule = PLAIN_IF if hysteresis is None else FiringRule(layer.lo, layer.hi, hysteresis)
        return Neurons(layer, [FanOut(synapse, values[synapse.source]) for synapse in layer.synapses], rule)
    if isinstance(layer, MOVES):
        return Mover(layer, [(*values[source].grid, values[source].channels) for source in layer.sources])
    raise VistreamError(f"layer {layer.name}, {type(layer).__name__}, has no spiking form")


def _fires(layer: Neuron) -> bool:
    plain = layer.table is None and layer.rounding is Rounding.HALF_UP and layer.zero == 0
    return plain and layer.gives is Kind.LEVELS
