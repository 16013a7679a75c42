"""The float program: which sums of linear maps end in which neuron layer, before any scale is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from vistream.ir.window import POINTWISE, Window
from vistream.quantize.graph import Graph


@dataclass(frozen=True, eq=False)
class Term:
    """One linear map of a layer's values; as `ir.operations.Synapse`, but in floats. `gain` `[O]` scales its output."""

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

    def scaled(self, gain: Tensor, shift: Tensor) -> Sum:
        """`self * gain + shift`, both `[O]`: what a batch norm does."""
        terms = tuple(replace(term, gain=term.gain * gain) for term in self.terms)
        return Sum(terms, self.bias * gain + shift)

    def plus(self, other: Sum) -> Sum:
        """The sum of both."""
        return Sum(self.terms + other.terms, self.bias + other.bias)


def identity(source: str, channels: int) -> Sum:
    """A layer's values as a sum of themselves alone."""
    return Sum((Term(source, None, torch.ones(channels, dtype=torch.float32)),), torch.zeros(channels))


@dataclass(frozen=True, eq=False)
class FloatLayer:
    """A layer of the program. `node`: the graph's node whose float tensor it stands for."""

    name: str
    node: str


@dataclass(frozen=True, eq=False)
class FloatInput(FloatLayer):
    """The frame."""

    channels: int


@dataclass(frozen=True, eq=False)
class FloatNeuron(FloatLayer):
    """A sum that becomes levels, through an activation or none.

    `clip`: the activation's own bounds, where it only clips; `root`: the node of the sum, where the activation is the
    elementwise function that the graph computes from there to `node`. `activation`: the name of its module.
    """

    sum: Sum
    clip: tuple[float, float] | None = None
    root: str | None = None
    activation: str = ""


@dataclass(frozen=True, eq=False)
class FloatMove(FloatLayer):
    """A layer that moves values without changing them; `window` for max-pool, `factor` for upsampling, else concat."""

    sources: tuple[str, ...]
    window: Window | None = None
    factor: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Program:
    """The float network as a list of layers in computing order, beside the graph that computes it.

    `channels`: of every layer, by name; `outputs`: the user's names for layers, to the layers' names.
    """

    graph: Graph
    layers: tuple[FloatLayer, ...]
    channels: Mapping[str, int]
    outputs: Mapping[str, str]
