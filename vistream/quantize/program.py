"""The float program: which sums of linear maps end in which neuron layer, before any scale is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from vistream.ir.graph import Graph
from vistream.ir.operations import Operation
from vistream.ir.window import POINTWISE, Pair, Window


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
    one, zero = torch.ones(channels, dtype=torch.float32), torch.zeros(channels, dtype=torch.float32)
    return Sum((Term(source, None, one),), zero)


@dataclass(frozen=True, eq=False)
class FloatLayer:
    """A layer of the program. `node`: the graph's node whose float tensor it stands for."""

    name: str
    node: str

    @property
    def sources(self) -> tuple[str, ...]:
        """The layers that it reads."""
        return ()


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

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(term.source for term in self.sum.terms)


@dataclass(frozen=True, eq=False)
class FloatFixed(FloatLayer):
    """An operation that knows no scales: it moves numbers, or pools, resizes or multiplies them as they are."""

    operation: Operation

    @property
    def sources(self) -> tuple[str, ...]:
        return self.operation.sources


@dataclass(frozen=True, eq=False)
class FloatTransposed(FloatLayer):
    """A transposed convolution without its bias: `weight` `[O, I / groups, kh, kw]`, as `TransposedConvolution`."""

    source: str
    weight: Tensor
    stride: Pair
    before: Pair
    after: Pair
    dilation: Pair
    groups: int

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)


@dataclass(frozen=True, eq=False)
class FloatIsland(FloatLayer):
    """A piece of the graph that is run as it is: `piece` takes a map for each of `reads` and gives one.

    `real`: it is an output, whose numbers are left as they are; else they become levels.
    """

    reads: tuple[str, ...]
    piece: Graph
    channels: int
    real: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        return self.reads


@dataclass(frozen=True, slots=True)
class ProgramOutput:
    """The layer that an output is; `shape`: of the tensor behind the batch, where that is no map and no vector."""

    layer: str
    shape: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Program:
    """The float network as a list of layers in computing order, beside the graph that computes it.

    `channels`: of every layer, by name; `outputs`: by the user's names; `views`: how the tensor of a layer's node lies
    over its map, where it is not the map itself.
    """

    graph: Graph
    layers: tuple[FloatLayer, ...]
    channels: Mapping[str, int]
    outputs: Mapping[str, ProgramOutput]
    views: Mapping[str, Tensor] = field(default_factory=dict)
