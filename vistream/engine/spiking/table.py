"""The table of spiking forms: how each operation becomes a population, and which have no such form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from vistream.engine.spiking.fanout import FanOut
from vistream.engine.spiking.neuron import PLAIN_IF, FiringRule
from vistream.engine.spiking.population import GradedNeurons, Membranes, Mover, Neurons, Pixels, Population
from vistream.errors import VistreamError
from vistream.ir import operations as ops
from vistream.ir.network import IntegerNetwork
from vistream.ir.value import Kind, Value

Form = Callable[[Any, Sequence[Value], Value, "float | None"], Population]
"""Of an operation of its own type, what it reads and gives, and the neurons' hysteresis (None: plain
integrate-and-fire)."""


def _pixels(layer: ops.Input, sources: Sequence[Value], value: Value, hysteresis: float | None) -> Population:
    return Pixels((*value.grid, value.channels))


def _mover(layer: ops.Operation, sources: Sequence[Value], value: Value, hysteresis: float | None) -> Population:
    return Mover(layer, sources, value)


def _neurons(layer: ops.Neuron, sources: Sequence[Value], value: Value, hysteresis: float | None) -> Population:
    rule = PLAIN_IF if hysteresis is None else FiringRule(layer.lo, layer.hi, hysteresis)
    kind = Membranes if layer.gives is not Kind.LEVELS else Neurons if layer.table is None else GradedNeurons
    return kind(layer, [FanOut(*each) for each in zip(layer.synapses, sources, strict=True)], rule)


FORMS: dict[type[ops.Operation], Form] = {
    ops.Input: _pixels,
    ops.Constant: _mover,
    ops.Neuron: _neurons,
    ops.MaxPool: _mover,
    ops.Upsample: _mover,
    ops.Nearest: _mover,
    ops.Slice: _mover,
    ops.Pad: _mover,
    ops.Concat: _mover,
    ops.PickChannels: _mover,
    ops.PixelShuffle: _mover,
    ops.PixelUnshuffle: _mover,
    ops.Rearrange: _mover,
    ops.AveragePool: _mover,
    ops.TransposedConvolution: _mover,
    ops.Bilinear: _mover,
    ops.SpatialLinear: _mover,
    ops.Product: _mover,
    ops.MatrixProduct: _mover,
    ops.TokenSum: _mover,
}
WITHOUT: frozenset[type[ops.Operation]] = frozenset((ops.DeformableSampling, ops.Island))
"""What computes on real numbers has no spiking form."""


def populate(network: IntegerNetwork, height: int, width: int, hysteresis: float | None) -> dict[str, Population]:
    """Fresh populations, by name, for frames of `height` x `width`: ST-BIF, or plain where `hysteresis` is None.

    Raises VistreamError where frames do not suit the network, or an operation has no spiking form.
    """
    values = network.lay(height, width)
    populations: dict[str, Population] = {}
    for layer in network.layers:
        form = FORMS.get(type(layer))
        if form is None:
            raise VistreamError(
                f"layer {layer.name} has no spiking form: {type(layer).__name__} computes with real numbers, so there "
                "is no spiking network to count or compare; the stream itself takes it"
            )
        sources = [values[name] for name in layer.sources]
        if any(source.kind is Kind.REAL for source in sources):
            raise VistreamError(f"layer {layer.name} reads real numbers, which no spike carries: no spiking form")
        populations[layer.name] = form(layer, sources, values[layer.name], hysteresis)
    return populations


def analog_sources(network: IntegerNetwork) -> set[str]:
    """The frame, and what is moved about from it without a neuron between (a concat of both counts as analog)."""
    return _carried(network, {network.input.name})


def graded_sources(network: IntegerNetwork) -> set[str]:
    """All that sends other numbers than single spikes, so that a synapse must multiply: the frame, constants, neurons
    with a table, membranes, whatever computes without neurons, and what is moved about from these."""
    graded = {network.input.name}
    for layer in network.layers:
        if isinstance(layer, ops.Neuron):
            if layer.table is not None or layer.gives is not Kind.LEVELS:
                graded.add(layer.name)
        elif layer.computes or isinstance(layer, ops.Constant):
            graded.add(layer.name)
    return _carried(network, graded)


def _carried(network: IntegerNetwork, found: set[str]) -> set[str]:
    for layer in network.layers:
        if not isinstance(layer, ops.Neuron) and not layer.computes and found & set(layer.sources):
            found.add(layer.name)
    return found
