"""The integer network: a short list of typed layers, in the order in which they are computed.

Every value is an int8 array `[H, W, C]` of *levels*. Only a `Neuron` decides anything: it turns charge into levels by
the one formula in `formula.py`. The other layers move levels about without changing them.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from vistream.ir.window import POINTWISE, Window

PIXEL_ZERO = 128  # the grey value that the integer network sees as 0, and that zero padding stands for


@dataclass(frozen=True, slots=True)
class Input:
    """The frame itself: 8-bit pixels minus `PIXEL_ZERO`."""

    name: str
    channels: int


@dataclass(frozen=True, slots=True, eq=False)
class Synapse:
    """What one source contributes to a neuron layer: an integer charge, times `multiplier` into levels.

    `weight` int8 `[O, I / groups, kh, kw]`: the charge is a convolution of the source;
    None: it is the source itself, or, if `window` is None too, the source's sum over all positions
    (the multiplier is then divided by their number, which makes it their mean).
    `multiplier` float32 `[O]`.
    """

    source: str
    weight: Tensor | None
    multiplier: Tensor
    window: Window | None = POINTWISE
    groups: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Neuron:
    """`y = sum of charge * multiplier + bias`, in levels; activation `clip(floor(y + 1/2), lo, hi)`.

    `bias` float32 `[O]`; `scale`: the real value of one level; -128 <= lo <= 0 <= hi <= 127.
    """

    name: str
    synapses: tuple[Synapse, ...]
    bias: Tensor
    lo: int
    hi: int
    scale: float

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(synapse.source for synapse in self.synapses)


@dataclass(frozen=True, slots=True)
class MaxPool:
    """The largest level in each window; padding never wins."""

    name: str
    source: str
    window: Window

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)


@dataclass(frozen=True, slots=True)
class Upsample:
    """Nearest neighbour, by a whole factor (vertical, horizontal)."""

    name: str
    source: str
    factor: tuple[int, int]

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)


@dataclass(frozen=True, slots=True)
class Concat:
    """Channels side by side; its sources share one scale."""

    name: str
    sources: tuple[str, ...]


Layer = Input | Neuron | MaxPool | Upsample | Concat


@dataclass(frozen=True, slots=True)
class IntegerNetwork:
    """Layers in computing order: the first is the `Input`, the last is the output.

    `scale`: the real value of one level of the output.
    `channels`: of every layer, by name.
    """

    layers: tuple[Layer, ...]
    scale: float
    channels: dict[str, int]

    @property
    def input(self) -> Input:
        first = self.layers[0]
        assert isinstance(first, Input)
        return first

    @property
    def output(self) -> str:
        return self.layers[-1].name

    @property
    def neurons(self) -> tuple[Neuron, ...]:
        return tuple(layer for layer in self.layers if isinstance(layer, Neuron))
