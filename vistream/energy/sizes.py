"""What the layers of a network are at one frame size: their values, weights and operations.

Where no number is multiplied, an operation is an addition: through a shortcut, and in a mean over a window or the whole
map alike. A mean's one factor is a rescaling, which no row counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vistream.energy.counts import LayerSize
from vistream.engine.spiking.table import analog_sources, graded_sources
from vistream.engine.stream.plan import LayerPlan
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import Neuron, Operation, Synapse

BYTE = 256.0  # what the upper half of a weight of 16 bits counts more than the lower


def layer_sizes(network: IntegerNetwork, plans: dict[str, LayerPlan]) -> tuple[LayerSize, ...]:
    """Of the layers that compute, in order."""
    readers = [source for layer in network.layers for source in layer.sources]
    analog, graded = analog_sources(network), graded_sources(network)
    sizes = []
    for layer in network.computing:
        plan = plans[layer.name]
        full = [torch.ones((*source.grid, source.channels), dtype=torch.bool) for source in plan.sources]
        macs, adds = split(layer, plan.value.positions * plan.macs)
        synapses, met = occupied_operations(plan, full)
        spared = _lower_halves(layer)
        sizes.append(
            LayerSize(
                layer.name,
                plan.value.size,
                plan.value.size if isinstance(layer, Neuron) else 0,
                macs,
                synapses,
                met if isinstance(layer, Neuron) else adds,
                _weights(layer),
                sum(source.size for source in dict(zip(layer.sources, plan.sources, strict=True)).values()),
                readers.count(layer.name),
                bool(analog & set(layer.sources)),
                bool(graded & set(layer.sources)),
                macs - plan.value.positions * spared,
                _weights(layer) - spared,
                plan.value.kind.dtype.itemsize,
            )
        )
    return tuple(sizes)


def occupied_operations(plan: LayerPlan, occupied: Sequence[Tensor]) -> tuple[int, int]:
    """The multiply-accumulates of a layer, and its additions, none of whose factors is 0 where of each source the
    numbers `occupied`, bool `[H, W, C]`, are not. Exact: a value at the border has fewer targets."""
    macs, adds = split(plan.layer, plan.layer.used_macs(plan.sources, occupied))
    return macs, adds + sum(int(occupied[slot].sum()) for slot in _unweighted(plan.layer))


def split(layer: Operation, operations: int) -> tuple[int, int]:
    """What a layer calls its multiply-accumulates: those that multiply, and those that only add."""
    return (0, operations) if layer.adds_only else (operations, 0)


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


def _lower_halves(layer: Operation) -> int:
    """How many of a layer's weights are the lower byte of one of 16 bits: the original network has none of them."""
    if not isinstance(layer, Neuron):
        return 0
    following = zip(layer.synapses, layer.synapses[1:], strict=False)
    return sum(lower.weight.numel() for upper, lower in following if lower.weight is not None and _halves(upper, lower))


def _halves(upper: Synapse, lower: Synapse) -> bool:
    """Whether two synapses are one convolution, as `quantize.synapses` writes it where weights have two bytes."""
    if upper.weight is None or lower.weight is None or upper.weight.shape != lower.weight.shape:
        return False
    if (upper.source, upper.window, upper.groups) != (lower.source, lower.window, lower.groups):
        return False
    tiny = torch.finfo(torch.float32).tiny  # a channel without weights: steps too small to be exact
    return torch.allclose(upper.multiplier, BYTE * lower.multiplier, rtol=1e-6, atol=BYTE * tiny)
