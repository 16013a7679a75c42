"""The twin of the neuron layer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vistream.engine.stream.gemm import int_mm
from vistream.engine.stream.plan import SynapsePlan, positions
from vistream.engine.stream.twin.twin import Twin, at, padded, store
from vistream.ir.footprint import Place
from vistream.ir.formula import pre_activation
from vistream.ir.operations import Neuron


class NeuronTwin(Twin):
    """Charges of all synapses, the one formula, and hysteresis against what is held."""

    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        """The pre-activations, float32 `[n, O]`."""
        assert isinstance(self.plan.layer, Neuron)
        synapses = self.plan.synapses
        charges = [charge(synapse, source, index) for synapse, source in zip(synapses, sources, strict=True)]
        y = pre_activation(charges, [synapse.multiplier for synapse in synapses], self.plan.layer.bias)
        return y.expand(len(index), -1)

    def update(self, sources: Sequence[Tensor], index: Tensor, output: Tensor, hysteresis: int) -> tuple[Tensor, int]:
        assert isinstance(self.plan.layer, Neuron)
        self.macs = len(index) * self.plan.macs
        new = self.plan.layer.activation(self.rows(sources, index), at(output, index), hysteresis)
        return store(output, index, new)


def charge(synapse: SynapsePlan, source: Tensor, index: Tensor) -> Tensor:
    """What a synapse delivers to the output positions `index`: exact integers `[n, O]`, or the real numbers of it."""
    brought = _brought(synapse, source, index)
    return brought if synapse.offset is None else brought + synapse.offset


def _brought(synapse: SynapsePlan, source: Tensor, index: Tensor) -> Tensor:
    if synapse.place is None:
        return source.sum((0, 1), dtype=torch.int64)[None]
    if synapse.weight is None:
        return at(source, index)
    windows = gather(source, synapse.place, index, torch.tensor(synapse.padding, dtype=torch.int8))
    if synapse.depthwise:
        return (windows.to(torch.int32) * synapse.weight.to(torch.int32)).sum(1, dtype=torch.int32)
    if synapse.groups == 1:
        return int_mm(windows.flatten(1), synapse.weight)
    parts = windows.reshape(len(index), windows.shape[1], synapse.groups, -1).unbind(2)
    return torch.cat(
        [int_mm(part.flatten(1).contiguous(), weight) for part, weight in zip(parts, synapse.weight, strict=True)],
        1,
    )


def gather(source: Tensor, place: Place, index: Tensor, padding: Tensor | int = 0) -> Tensor:
    """The inputs under the windows of the output positions `index`: `[n, kh * kw, C]`.

    `padding`: what lies outside, a number or one a channel `[C]` (empty: 0).
    """
    if place.window.pointwise:
        return at(source, index)[:, None]
    if isinstance(padding, Tensor) and not len(padding):
        padding = 0
    placed = place.placed
    around = padded(source, (placed.top, placed.bottom, placed.left, placed.right), padding)
    (rows, columns), (down, across) = place.window.kernel, place.window.dilation
    width = around.shape[1]
    offsets = (torch.arange(rows)[:, None] * down * width + torch.arange(columns)[None] * across).reshape(-1)
    starts = positions(place)[index]
    return around.reshape(-1, source.shape[2])[starts[:, None] + offsets]
