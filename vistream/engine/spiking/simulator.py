"""The `stepped` rung: an integer network as a spiking network, simulated for T time steps a frame. The oracle.

In a time step every layer, first to last, takes in what its sources sent in this step and then fires once, so a spike
travels through the whole network within its step. The frame is delivered as integer pixels (or differences of them) in
the first step; the first layer is analog, and all others see spikes. The simulation of a frame ends when no neuron has
anything left to fire: then, with ST-BIF neurons, every layer equals `engine.reference` bit for bit. If T steps were not
enough it says so, and what is still due stays due: without reset, the next frame goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from torch import Tensor

from vistream.engine.spiking.events import Events
from vistream.engine.spiking.population import Mover, Neurons, Pixels, Population
from vistream.engine.spiking.table import graded_sources, populate
from vistream.errors import VistreamError
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import PIXEL_ZERO, Operation
from vistream.types import Frame


class Mode(Enum):
    """`RESET`: ST-BIF, all state forgotten before each frame. `DIFFERENTIAL`: ST-BIF, fed with frame differences, never
    reset (ViStream). `PLAIN_IF`: integrate-and-fire with reset, the baseline that does *not* equal the network."""

    RESET = "reset"
    DIFFERENTIAL = "differential"
    PLAIN_IF = "if"


@dataclass(slots=True)
class LayerSpikes:
    """What one layer that computes did for one frame.

    `positive`, `negative`: spikes it sent. `sops`: synaptic operations it took in, which is each spike times its true
    fan-out (borders, stride, dilation and groups included; in a product of activations the numbers of the other factor
    that are not 0), and each number that is added as it is. `macs`: the same for what is no single spike (pixels,
    graded spikes, sums) where it meets a weight: multiply-accumulates.
    `updates`: neurons, summed over the steps, that had charge to act upon. `neurons` and `synapses` (source value,
    neuron) are the layer's size.
    """

    name: str
    neurons: int
    synapses: int
    positive: int = 0
    negative: int = 0
    sops: int = 0
    macs: int = 0
    updates: int = 0

    def take_in(self, operations: int, multiplied: bool) -> None:
        """Add what arrived from one source in one time step."""
        self.macs += operations if multiplied else 0
        self.sops += 0 if multiplied else operations

    def note(self, sent: Tensor | None, updates: int) -> bool:
        """Add what neurons did in one time step; whether any of them fired (None: they never do)."""
        self.updates += updates
        if sent is None:
            return False
        self.positive += int((sent > 0).sum())
        self.negative += int((sent < 0).sum())
        return len(sent) > 0

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
        """Multiply-accumulates of pixels and other numbers than single spikes."""
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
        self._graded = graded_sources(network)
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
        counts = {layer.name: self._count(layer) for layer in self.network.computing}
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

    def _count(self, layer: Operation) -> LayerSpikes:
        counted = self._populations[layer.name]
        assert isinstance(counted, (Neurons, Mover))
        rows, columns, channels = counted.size
        return LayerSpikes(layer.name, rows * columns * channels, counted.connections)

    def _tick(self, pixels: Events | None, counts: dict[str, LayerSpikes]) -> bool:
        """One time step of the whole network; whether any neuron fired."""
        sent: dict[str, Events] = {} if pixels is None else {self.network.input.name: pixels}
        active = False
        for layer in self.network.layers:
            population = self._populations[layer.name]
            if isinstance(population, Pixels):
                continue
            count = counts.get(layer.name)
            for slot, source in enumerate(layer.sources):
                if not len(sent.get(source, ())):
                    continue
                operations = population.receive(slot, sent[source])
                if count is not None:
                    count.take_in(operations, source in self._graded and population.multiplies(slot))
            sent[layer.name], updates = population.fire()
            if count is not None and isinstance(population, Neurons):
                active |= count.note(sent[layer.name].values if population.fires else None, updates)
        return active
