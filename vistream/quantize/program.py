"""The float program: which sums of linear maps end in which neuron layer, before any scale is decided."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, fx, nn

from vistream.ir.window import POINTWISE, Window


@dataclass(frozen=True, eq=False)
class Term:
    """One linear map of a settled value; as `layers.Synapse`, but in floats. `gain` `[O]` scales its output."""

    source: str
    weight: Tensor | None
    gain: Tensor
    window: Window | None = POINTWISE
    groups: int = 1
    title: str = ""


@dataclass(frozen=True, eq=False)
class Sum:
    """A pending pre-activation: the sum of its terms and a bias `[O]`."""

    terms: tuple[Term, ...]
    bias: Tensor

    @property
    def channels(self) -> int:
        return len(self.bias)


@dataclass(frozen=True, eq=False)
class FloatInput:
    name: str
    channels: int
    node: fx.Node


@dataclass(frozen=True, eq=False)
class FloatNeuron:
    """A sum that settles. `clip`: the activation's own bounds (None: linear); `activation`: its module's name.

    `node` is the fx node whose float value the neuron stands for.
    """

    name: str
    sum: Sum
    clip: tuple[float, float] | None
    activation: str
    node: fx.Node


@dataclass(frozen=True, eq=False)
class FloatMove:
    """A layer that moves values without changing them; `window` for max-pool, `factor` for upsampling, else concat."""

    name: str
    sources: tuple[str, ...]
    window: Window | None = None
    factor: tuple[int, int] | None = None


FloatLayer = FloatInput | FloatNeuron | FloatMove


@dataclass(frozen=True, eq=False)
class Program:
    """The float network as a list of layers in computing order, beside the fx graph module that computes it."""

    module: fx.GraphModule
    layers: tuple[FloatLayer, ...]
    channels: dict[str, int]


def fold_batch_norm(pending: Sum, bn: nn.BatchNorm2d) -> Sum:
    """Batch norm in eval mode is a gain and a shift per channel: both go into the sum."""
    assert bn.running_mean is not None and bn.running_var is not None
    gain = torch.rsqrt(bn.running_var + bn.eps)
    if bn.weight is not None:
        gain = gain * bn.weight
    shift = -bn.running_mean * gain
    if bn.bias is not None:
        shift = shift + bn.bias
    terms = tuple(replace(term, gain=(term.gain * gain).detach()) for term in pending.terms)
    return Sum(terms, (pending.bias * gain + shift).detach())
