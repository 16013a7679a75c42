"""Everything about a network and a frame size that does not change from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vistream.ir.footprint import Footprint, Place, place
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import Input, Neuron, Operation, Synapse
from vistream.ir.value import Value


@dataclass(frozen=True, slots=True, eq=False)
class SynapsePlan:
    """A synapse ready to run. `place` None: the sum over the whole source. `weight` None: the source itself.

    `weight` int8: `[K, O]` for one group (K in the order kh, kw, I), `[kh * kw, C]` where `depthwise`,
    else `[G, K, O / G]`. `padding`: the level, by channel, of what lies outside the source; empty where it is 0.
    `offset`: see `Synapse`.
    """

    source: str
    place: Place | None
    weight: Tensor | None
    multiplier: Tensor
    groups: int
    depthwise: bool
    macs: int  # for one output position, all channels
    padding: tuple[int, ...] = ()
    offset: Tensor | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LayerPlan:
    """One operation at a known size: what it gives, what it reads, and how its positions depend on theirs."""

    layer: Operation
    value: Value
    sources: tuple[Value, ...] = ()
    footprints: tuple[Footprint, ...] = ()
    macs: int = 0  # multiply-accumulates for one output position
    synapses: tuple[SynapsePlan, ...] = ()  # of a neuron layer

    @property
    def height(self) -> int:
        return self.value.height

    @property
    def width(self) -> int:
        return self.value.width

    @property
    def channels(self) -> int:
        return self.value.channels

    @property
    def place(self) -> Place | None:
        """The window of an operation that slides one over its only source."""
        only = self.footprints[0] if len(self.footprints) == 1 else None
        return only if isinstance(only, Place) else None


def make_plan(network: IntegerNetwork, height: int, width: int) -> tuple[LayerPlan, ...]:
    """Lay `network` over frames of `height` x `width`; raises VistreamError where they do not suit it."""
    values = network.lay(height, width)
    return tuple(_plan(layer, values) for layer in network.layers)


def _plan(layer: Operation, values: dict[str, Value]) -> LayerPlan:
    value = values[layer.name]
    if isinstance(layer, Input):
        return LayerPlan(layer, value)
    sources = tuple(values[name] for name in layer.sources)
    synapses: tuple[SynapsePlan, ...] = ()
    if isinstance(layer, Neuron):
        synapses = tuple(_synapse(synapse, values[synapse.source], value.channels) for synapse in layer.synapses)
    macs = -(-layer.macs(sources) // value.positions)
    return LayerPlan(layer, value, sources, layer.footprints(sources), macs, synapses)


def _synapse(synapse: Synapse, source: Value, outputs: int) -> SynapsePlan:
    laid = None if synapse.window is None else place(synapse.window, source)
    multiplier, weight, groups = synapse.gain(source), synapse.weight, synapse.groups
    if weight is None:
        return SynapsePlan(synapse.source, laid, None, multiplier, 1, False, 0, offset=synapse.offset)
    depthwise = groups == outputs == source.channels and groups > 1
    if depthwise:
        packed = weight.reshape(outputs, -1).t().contiguous()
    else:
        per_group = weight.permute(2, 3, 1, 0).reshape(-1, groups, outputs // groups)
        packed = per_group[:, 0].contiguous() if groups == 1 else per_group.transpose(0, 1).contiguous()
    return SynapsePlan(
        synapse.source, laid, packed, multiplier, groups, depthwise, weight.numel(), source.zero, synapse.offset
    )


def positions(place: Place) -> Tensor:
    """For every output position, the top-left input of its window in the padded source: int64 `[h * w]`."""
    placed, (rows, columns) = place.placed, place.window.stride
    padded_width = place.width + placed.left + placed.right
    top = torch.arange(placed.height)[:, None] * rows
    return (top * padded_width + torch.arange(placed.width)[None] * columns).reshape(-1)
