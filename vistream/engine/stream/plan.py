"""Everything about a network and a frame size that does not change from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vistream.errors import VistreamError
from vistream.ir.formula import mean_multiplier
from vistream.ir.layers import Concat, Input, IntegerNetwork, Layer, MaxPool, Neuron, Synapse, Upsample
from vistream.ir.window import Placed, Window


@dataclass(frozen=True, slots=True)
class Place:
    """A window over a source of known size: `window` at `placed` over `[height, width]`."""

    window: Window
    placed: Placed
    height: int
    width: int


@dataclass(frozen=True, slots=True, eq=False)
class SynapsePlan:
    """A synapse ready to run. `place` None: the sum over the whole source. `weight` None: the source itself.

    `weight` int8: `[K, O]` for one group (K in the order kh, kw, I), `[kh * kw, C]` where `depthwise`,
    else `[G, K, O / G]`.
    """

    source: str
    place: Place | None
    weight: Tensor | None
    multiplier: Tensor
    groups: int
    depthwise: bool
    macs: int  # for one output position, all channels


@dataclass(frozen=True, slots=True, eq=False)
class LayerPlan:
    """One layer at a known size: output `[height, width, channels]`."""

    layer: Layer
    height: int
    width: int
    channels: int
    synapses: tuple[SynapsePlan, ...] = ()
    place: Place | None = None  # of a max-pool

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one output position."""
        return sum(synapse.macs for synapse in self.synapses)


def make_plan(network: IntegerNetwork, height: int, width: int) -> tuple[LayerPlan, ...]:
    """Lay `network` over frames of `height` x `width`; raises VistreamError where they are too small for it."""
    plans: dict[str, LayerPlan] = {}
    for layer in network.layers:
        try:
            plans[layer.name] = _plan(layer, plans, network.channels[layer.name], height, width)
        except ValueError as error:
            raise VistreamError(
                f"frames of {width}x{height} pixels are too small for the network: at layer {layer.name}, {error}"
            ) from None
    return tuple(plans.values())


def _plan(layer: Layer, plans: dict[str, LayerPlan], channels: int, height: int, width: int) -> LayerPlan:
    match layer:
        case Input():
            return LayerPlan(layer, height, width, channels)
        case Neuron():
            synapses = tuple(_synapse(synapse, plans[synapse.source], channels) for synapse in layer.synapses)
            sizes = {_output_size(synapse.place) for synapse in synapses}
            if len(sizes) > 1:
                raise ValueError(f"its inputs have different sizes ({', '.join(map(str, sorted(sizes)))})")
            return LayerPlan(layer, *sizes.pop(), channels, synapses)
        case MaxPool():
            place = _place(layer.window, plans[layer.source])
            return LayerPlan(layer, *_output_size(place), channels, place=place)
        case Upsample():
            source = plans[layer.source]
            return LayerPlan(layer, source.height * layer.factor[0], source.width * layer.factor[1], channels)
        case Concat():
            sizes = {(plans[name].height, plans[name].width) for name in layer.sources}
            if len(sizes) > 1:
                raise ValueError(f"its inputs have different sizes ({', '.join(map(str, sorted(sizes)))})")
            return LayerPlan(layer, *sizes.pop(), channels)


def _place(window: Window, source: LayerPlan) -> Place:
    return Place(window, window.place(source.height, source.width), source.height, source.width)


def _output_size(place: Place | None) -> tuple[int, int]:
    return (1, 1) if place is None else (place.placed.height, place.placed.width)


def _synapse(synapse: Synapse, source: LayerPlan, outputs: int) -> SynapsePlan:
    if synapse.window is None:
        multiplier = mean_multiplier(synapse.multiplier, source.height * source.width)
        return SynapsePlan(synapse.source, None, None, multiplier, 1, False, 0)
    place = _place(synapse.window, source)
    if synapse.weight is None:
        return SynapsePlan(synapse.source, place, None, synapse.multiplier, 1, False, 0)
    weight, groups = synapse.weight, synapse.groups
    macs = weight[0].numel() * outputs
    depthwise = groups == outputs == source.channels and groups > 1
    if depthwise:
        packed = weight.reshape(outputs, -1).t().contiguous()
    else:
        per_group = weight.permute(2, 3, 1, 0).reshape(-1, groups, outputs // groups)
        packed = per_group[:, 0].contiguous() if groups == 1 else per_group.transpose(0, 1).contiguous()
    return SynapsePlan(synapse.source, place, packed, synapse.multiplier, groups, depthwise, macs)


def positions(place: Place) -> Tensor:
    """For every output position, the top-left input of its window in the padded source: int64 `[h * w]`."""
    placed, (rows, columns) = place.placed, place.window.stride
    padded_width = place.width + placed.left + placed.right
    top = torch.arange(placed.height)[:, None] * rows
    return (top * padded_width + torch.arange(placed.width)[None] * columns).reshape(-1)
