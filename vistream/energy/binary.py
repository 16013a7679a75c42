"""Proof that D binary steps give what integers of 0..D give, layer by layer and to the last bit.

Both forms run in float64 with weights rounded to 24 bits of their row, so that every sum is exact: then the order in
which spikes arrive can make no difference but a wrong one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from vistream.models.spike2former.network import Network
from vistream.models.spike2former.neuron import Neuron

BITS = 24  # as many as a float32 has
Synaptic = nn.Conv1d | nn.Conv2d | nn.Linear


@dataclass(frozen=True, slots=True)
class Proof:
    """`layers`: that were run in binary steps; `neurons`: values compared; `differing`: of neurons and outputs."""

    steps: int
    layers: int
    neurons: int
    differing: int


class _Form:
    """One copy of the network that runs in integers or in binary steps, and remembers what its neurons said."""

    def __init__(self, network: Network, *, binary: bool) -> None:
        self.network = copy.deepcopy(network).double()
        self.said: list[Tensor] = []
        self.layers: set[str] = set()
        self._last: list[tuple[Tensor, Neuron]] = []
        for name, module in self.network.named_modules():
            if isinstance(module, Neuron):
                module.register_forward_hook(self._listen)
            elif isinstance(module, Synaptic):
                _round(module)
                module.forward = self._forward(name, module, binary)  # type: ignore[method-assign, assignment]

    def _listen(self, neuron: nn.Module, _: tuple[Tensor], out: Tensor) -> None:
        assert isinstance(neuron, Neuron)
        self.said.append(out / neuron.scale)
        self._last = [*self._last[-15:], (out, neuron)]

    def _forward(self, name: str, module: Synaptic, binary: bool) -> Callable[[Tensor], Tensor]:
        def forward(x: Tensor) -> Tensor:
            neuron = next((neuron for out, neuron in reversed(self._last) if out.data_ptr() == x.data_ptr()), None)
            if neuron is None:
                return _apply(module, x, bias=True)
            self.layers.add(name)
            if not binary:
                return _with_bias(module, _apply(module, x, bias=False))
            level = x / neuron.scale
            steps = [(level >= step + 1).to(x.dtype) * neuron.scale for step in range(neuron.levels.most)]
            return _with_bias(module, torch.stack([_apply(module, spikes, bias=False) for spikes in steps]).sum(0))

        return forward


@torch.no_grad()
def prove(network: Network, image: Tensor) -> Proof:
    """Run both forms on a normalised image `[1, 3, h, w]`. ValueError where 1/norm is no power of two."""
    for levels in (network.backbone_levels, network.head_levels):
        if levels.norm & (levels.norm - 1):
            raise ValueError(f"norm {levels.norm} is no power of two, so that 1/norm is not exact in binary numbers")
    forms = [_Form(network, binary=binary) for binary in (False, True)]
    outputs = [form.network(image.double()) for form in forms]
    pairs = [*zip(forms[0].said, forms[1].said, strict=True), *zip(*outputs, strict=True)]
    differing = sum(int((one != other).sum()) for one, other in pairs)
    most = max(network.backbone_levels.most, network.head_levels.most)
    return Proof(most, len(forms[1].layers), sum(said.numel() for said in forms[0].said), differing)


def _round(module: Synaptic) -> None:
    """Weights to `BITS` bits of the largest of their row."""
    weight = module.weight
    largest = weight.flatten(1).abs().amax(1).clamp(min=2.0**-100)
    step = torch.exp2(torch.floor(torch.log2(largest)) + 1 - BITS).view(-1, *[1] * (weight.dim() - 1))
    module.weight = nn.Parameter(torch.round(weight / step) * step, requires_grad=False)


def _apply(module: Synaptic, x: Tensor, *, bias: bool) -> Tensor:
    own = module.bias if bias else None
    if isinstance(module, nn.Linear):
        return functional.linear(x, module.weight, own)
    out: Tensor = module._conv_forward(x, module.weight, own)
    return out


def _with_bias(module: Synaptic, x: Tensor) -> Tensor:
    if module.bias is None:
        return x
    return x + (module.bias if isinstance(module, nn.Linear) else module.bias.view(-1, *[1] * (x.dim() - 2)))
