"""Neuron layers: convolutions in float32 where no partial sum can reach 2^24 (so every one is exact), else float64."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from vistream.engine.reference.maps import channels_last, surrounded
from vistream.ir.formula import pre_activation
from vistream.ir.operations import Neuron, Synapse
from vistream.ir.value import Value

EXACT = 2**24  # float32 holds every integer up to here


def pre_activations(layer: Neuron, sources: Sequence[Value], held: Sequence[Tensor]) -> Tensor:
    """`y`, float32 `[H, W, O]`."""
    synapses = layer.synapses
    charges = [_charge(*each) for each in zip(synapses, sources, held, strict=True)]
    return pre_activation(charges, [s.gain(source) for s, source in zip(synapses, sources, strict=True)], layer.bias)


def _charge(synapse: Synapse, source: Value, held: Tensor) -> Tensor:
    """Exact integers `[H, W, O]`, in a float dtype that holds them; of an identity what the source holds."""
    if synapse.weight is not None:
        charge = _convolution(synapse, source, held)
    elif synapse.window is None:
        charge = held.to(torch.float64).sum((0, 1), keepdim=True)
    else:
        charge = held if held.dtype == torch.float32 else held.to(torch.float64)
    return charge if synapse.offset is None else charge + synapse.offset


def _convolution(synapse: Synapse, source: Value, held: Tensor) -> Tensor:
    assert synapse.weight is not None and synapse.window is not None
    dtype = torch.float32 if synapse.largest_charge(source) < EXACT else torch.float64
    padded = surrounded(held.to(dtype), synapse.window, source.zeros)
    weight, window = synapse.weight.to(dtype), synapse.window
    return channels_last(F.conv2d(padded, weight, None, window.stride, 0, window.dilation, synapse.groups))
