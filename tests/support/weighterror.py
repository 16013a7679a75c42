"""What rounding the weights to 8 or 16 bits costs, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import Input, Neuron, Synapse
from vistream.quantize.program import FloatNeuron, Program, Term
from vistream.quantize.ranges import Preprocess


def weight_errors(program: Program, network: IntegerNetwork, preprocess: Preprocess) -> dict[str, float]:
    """Per neuron layer with weights: RMS of (integer weight as a real number - float weight) over RMS of the latter.

    `network` must be what `convert` made of `program`. Batch norm is folded into both. Rounding to steps of 1/127 (or
    1/32639) of each output channel's largest weight cannot err by more than half a step a weight.
    """
    gains = _gains(network, preprocess)
    layers = {layer.name: layer for layer in network.neurons}
    errors: dict[str, float] = {}
    for layer in program.layers:
        if not isinstance(layer, FloatNeuron):
            continue
        neuron = layers[layer.name]
        terms = [term for term in layer.sum.terms if term.weight is not None]
        weighted = [synapse for synapse in neuron.synapses if synapse.weight is not None]
        each = len(weighted) // max(len(terms), 1)  # synapses a term: one, or one for either byte
        sums = [
            _squares(term, weighted[first * each : (first + 1) * each], neuron, gains[term.source])
            for first, term in enumerate(terms)
        ]
        if sums:
            wrong, whole = (sum(part) for part in zip(*sums, strict=True))
            errors[layer.name] = (wrong / whole) ** 0.5 if whole else 0.0
    return errors


def _squares(term: Term, synapses: Sequence[Synapse], neuron: Neuron, gain: Tensor) -> tuple[float, float]:
    """Sums of squares: of the errors, and of the float weights, both as they act on levels."""
    assert term.weight is not None
    outputs, per_group = term.weight.shape[:2]
    incoming = gain.reshape(term.groups, 1, per_group).expand(-1, outputs // term.groups, -1)
    wanted = (term.weight * term.gain[:, None, None, None]).double() * incoming.reshape(outputs, per_group, 1, 1)
    stored = torch.zeros_like(wanted)
    for synapse in synapses:
        assert synapse.weight is not None
        stored += synapse.weight.double() * (synapse.multiplier.double() * neuron.scale)[:, None, None, None]
    return float((stored - wanted).square().sum()), float(wanted.square().sum())


def _gains(network: IntegerNetwork, preprocess: Preprocess) -> dict[str, Tensor]:
    """The real value of one level of every layer's channels, float64 `[C]`."""
    gains: dict[str, Tensor] = {}
    for layer in network.layers:
        if isinstance(layer, Input):
            gains[layer.name] = 1.0 / torch.tensor(preprocess.std, dtype=torch.float64)
        elif isinstance(layer, Neuron):
            gains[layer.name] = torch.full((len(layer.bias),), layer.scale, dtype=torch.float64)
        else:
            gains[layer.name] = torch.cat([gains[source] for source in layer.sources])
    return gains
