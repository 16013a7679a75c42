"""What a Spike2Former does for a picture: integers of its neurons, products of its layers. Counts only, no prices.

A neuron's integer n of 0..D stands for n spikes in D binary steps. A layer is counted as it runs after folding: a
re-parameterised convolution is one 3x3, batch norms are free. Copies of a still picture (T) do the same work again.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from vistream.models.spike2former.attention import LinearAttention
from vistream.models.spike2former.head import MaskProduct
from vistream.models.spike2former.network import Network
from vistream.models.spike2former.neuron import Neuron
from vistream.models.spike2former.sdtv2 import RepConv

EXPLAINED = (
    "D is the largest integer of a neuron: integer n is n spikes in D binary steps; mean integers hold D already.",
    "T is how many copies of a picture are shown: the result is the same, the work is T times as much. Here T = 1.",
    "Attention multiplies integers by integers; it is counted as additions, one for each spike of one side.",
)
"""What whoever reads the counts should know."""

STAGES = (
    (("backbone.downsample1_1", "backbone.ConvBlock1_1"), "backbone, stride 2"),
    (("backbone.downsample1_2", "backbone.ConvBlock1_2"), "backbone, stride 4"),
    (("backbone.downsample2", "backbone.ConvBlock2"), "backbone, stride 8"),
    (("backbone.",), "backbone, stride 16"),
    (("decode_head.pixel_decoder.encoder",), "deformable encoder"),
    (("decode_head.pixel_decoder",), "pixel decoder"),
    (("decode_head.transformer_decoder",), "query decoder"),
    (("",), "head"),
)
"""Of the network, in its order; the first whose name a layer's begins with is the layer's."""
RECENT = 16  # neurons whose output may still be read: a layer reads one of the last few


def stage_of(name: str) -> str:
    """
    >>> stage_of("backbone.block3.0.attn.q_conv"), stage_of("decode_head.cls_embed")
    ('backbone, stride 16', 'head')
    """
    return next(stage for starts, stage in STAGES if name.startswith(starts))


@dataclass(slots=True)
class Firing:
    """One neuron layer over all frames. `integers`: their sum; `active`: how many were not 0; `values`: how many."""

    most: int
    values: int = 0
    integers: float = 0.0
    active: int = 0

    @property
    def mean(self) -> float:
        """Mean integer, 0..D: what the authors' tool prints."""
        return self.integers / self.values

    @property
    def rate(self) -> float:
        """Spikes a neuron and binary step, 0..1."""
        return self.mean / self.most


@dataclass(slots=True)
class Products:
    """One layer over all frames. `macs`: multiply-accumulates of a dense kernel; `mean`: of its inputs, spikes each.

    `kind`: spikes (of one side), pixels (the first layer), membrane (a layer that reads sums: no neuron lies between),
    attention (integer by integer: an accelerator for spikes adds one side as often as the other says).
    """

    kind: str
    weights: int
    inputs: int
    outputs: int
    macs: int = 0
    sops: float = 0.0

    @property
    def spiking(self) -> bool:
        """Whether it adds for each spike, of which there may be none; else it multiplies."""
        return self.kind in ("spikes", "attention")


@dataclass(slots=True)
class SpikeCounts:
    """Of a whole run."""

    frames: int = 0
    neurons: dict[str, Firing] = field(default_factory=dict)
    layers: dict[str, Products] = field(default_factory=dict)


class _Counter:
    """Hooks that count while the network runs."""

    def __init__(self, network: Network) -> None:
        self.counts = SpikeCounts()
        self._recent: deque[tuple[Tensor, Neuron]] = deque(maxlen=RECENT)
        inner = {id(part) for module in network.modules() if isinstance(module, RepConv) for part in module.modules()}
        self.handles = []
        for name, module in network.named_modules():
            if isinstance(module, Neuron):
                self.handles.append(module.register_forward_hook(self._fired(name)))
            elif isinstance(module, LinearAttention):
                self.handles.append(module.register_forward_hook(self._attended(name)))
            elif isinstance(module, MaskProduct):
                self.handles.append(module.register_forward_hook(self._masked(name)))
            elif isinstance(module, RepConv) or (
                isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Linear)) and id(module) not in inner
            ):
                self.handles.append(module.register_forward_hook(self._multiplied(name)))

    def _fired(self, name: str):  # type: ignore[no-untyped-def]  # a hook
        def hook(neuron: Neuron, _: tuple[Tensor], out: Tensor) -> None:
            firing = self.counts.neurons.setdefault(name, Firing(neuron.levels.most))
            firing.values += out.numel()
            firing.integers += float(out.double().sum()) / neuron.scale
            firing.active += int(torch.count_nonzero(out))
            self._recent.append((out, neuron))

        return hook

    def _multiplied(self, name: str):  # type: ignore[no-untyped-def]  # a hook
        def hook(module: nn.Module, given: tuple[Tensor], out: Tensor) -> None:
            weights, macs = _size(module, out)
            spikes = self._integers(given[0])
            kind = "spikes" if spikes is not None else "pixels" if given[0].shape[1] == 3 else "membrane"
            done = self.counts.layers.setdefault(name, Products(kind, weights, given[0].numel(), out.numel()))
            done.macs += macs
            done.sops += macs * spikes if spikes is not None else 0.0

        return hook

    def _attended(self, name: str):  # type: ignore[no-untyped-def]  # a hook
        def hook(module: LinearAttention, given: tuple[Tensor, Tensor, Tensor], out: Tensor) -> None:
            q, k, v = given
            width = k.shape[1] * v.shape[1] // 8
            done = self.counts.layers.setdefault(
                name, Products("attention", 0, q.numel() + k.numel() + v.numel(), out.numel())
            )
            for side in (k, q):
                macs = side.shape[0] * side.shape[2] * width
                done.macs += macs
                done.sops += macs * (self._integers(side) or 0.0)

        return hook

    def _masked(self, name: str):  # type: ignore[no-untyped-def]  # a hook
        def hook(_: nn.Module, given: tuple[Tensor, Tensor], out: Tensor) -> None:
            embedding, feature = given
            macs = out.numel() * embedding.shape[2]
            done = self.counts.layers.setdefault(name, Products("spikes", 0, feature.numel(), out.numel()))
            done.macs += macs
            done.sops += macs * (self._integers(embedding) or 0.0)

        return hook

    def _integers(self, x: Tensor) -> float | None:
        """The mean integer of what a neuron sent, or None where `x` does not come straight from one."""
        for out, neuron in reversed(self._recent):
            if out.data_ptr() == x.data_ptr():
                return float(x.double().mean()) / neuron.scale
        return None


def _size(module: nn.Module, out: Tensor) -> tuple[int, int]:
    """Weights, and multiply-accumulates for an output `[B, C, ...]` (of a linear layer `[B, Q, C]`)."""
    if isinstance(module, RepConv):
        channels = out.shape[1]
        return 9 * channels * channels, 9 * channels * out.numel()
    weight = module.weight
    assert isinstance(weight, Tensor)
    return weight.numel(), out.numel() * math.prod(weight.shape[1:])


@torch.no_grad()
def count_spikes(network: Network, images: Iterable[Tensor]) -> SpikeCounts:
    """Run the network on normalised images `[1, 3, h, w]` and count."""
    counter = _Counter(network)
    try:
        for image in images:
            network(image)
            counter.counts.frames += 1
    finally:
        for handle in counter.handles:
            handle.remove()
    return counter.counts
