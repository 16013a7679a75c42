"""A small network and counts of one layer, for tests of the energy report."""

from __future__ import annotations

import torch

from vistream.energy.counts import LayerCounts, LayerSize, SpikeCounts
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import Input, Neuron, Synapse
from vistream.ir.window import POINTWISE, Window


def small(window: Window, groups: int, channels: int = 2) -> IntegerNetwork:
    """A grouped convolution to four channels, and behind it a pointwise one with a shortcut."""
    weight = torch.ones((4, channels // groups, *window.kernel), dtype=torch.int8)
    first = Neuron("first", (Synapse("x", weight, torch.full((4,), 0.01), window, groups),), torch.zeros(4), 0, 7, 1.0)
    across = Synapse("first", torch.ones((4, 4, 1, 1), dtype=torch.int8), torch.full((4,), 0.3))
    shortcut = Synapse("first", None, torch.full((4,), 0.5), POINTWISE)
    second = Neuron("second", (across, shortcut), torch.full((4,), -0.5), 0, 7, 1.0)
    return IntegerNetwork.of((Input("x", channels), first, second))


SIZE = LayerSize(
    "layer",
    values=100,
    neurons=100,
    macs=1000,
    synapses=900,
    adds=50,
    weights=40,
    inputs=60,
    readers=2,
    analog=False,
    graded=False,
    float_macs=1000,
    float_weights=40,
)

SPIKES = SpikeCounts(positive=6, negative=4, sops=200, macs=0, updates=30)

LAYER = LayerCounts(500, 20, 25, 250, 12, 8, reset=SPIKES, differential=SPIKES)
