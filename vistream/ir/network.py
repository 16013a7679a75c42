"""The integer network: operations in computing order, and which of their values are its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vistream.errors import VistreamError
from vistream.ir.misfit import Misfit
from vistream.ir.operations import Input, Neuron, Operation
from vistream.ir.value import Value

CHECKED = 512  # pixels: a size at which most networks can be laid


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """A value that leaves the network, and the real value of one of its levels, in all channels or by channel `[C]`.

    `shape`: that of the float tensor behind its batch axis, where it is no map: its numbers are those of the value in
    the same order. Empty for maps.
    """

    name: str
    source: str
    scale: float | Tensor = 1.0
    shape: tuple[int, ...] = ()

    def real(self, value: Tensor, divisor: int = 1) -> Tensor:
        """What the numbers of the value, `[h, w, C]`, mean: float32; the value itself where that is it."""
        if value.dtype == torch.float32:
            return value
        scale = self.scale if divisor == 1 else self.scale / divisor
        return value.to(torch.float32).mul_(scale)


@dataclass(frozen=True, slots=True, eq=False)
class IntegerNetwork:
    """Operations in computing order, the `Input` first; `outputs`, the first of which is the main one."""

    layers: tuple[Operation, ...]
    outputs: tuple[Output, ...]

    @classmethod
    def of(cls, layers: Sequence[Operation], scale: float | Tensor = 1.0) -> IntegerNetwork:
        """With the last layer as its only output, one level of which stands for `scale`."""
        return cls(tuple(layers), (Output(layers[-1].name, layers[-1].name, scale),))

    @property
    def input(self) -> Input:
        first = self.layers[0]
        assert isinstance(first, Input)
        return first

    @property
    def output(self) -> str:
        """The value of the main output."""
        return self.outputs[0].source

    @property
    def scale(self) -> float | Tensor:
        """Of the main output."""
        return self.outputs[0].scale

    @property
    def neurons(self) -> tuple[Neuron, ...]:
        return tuple(layer for layer in self.layers if isinstance(layer, Neuron))

    @property
    def computing(self) -> tuple[Operation, ...]:
        """The layers that do arithmetic: neuron layers, sums and products."""
        return tuple(layer for layer in self.layers if layer.computes)

    def lay(self, height: int, width: int) -> dict[str, Value]:
        """Every value for frames of `height` x `width`, by name; raises VistreamError where they do not suit it."""
        values: dict[str, Value] = {}
        for layer in self.layers:
            try:
                if isinstance(layer, Input):
                    values[layer.name] = layer.frame(height, width)
                else:
                    values[layer.name] = layer.lay([values[source] for source in layer.sources])
                values[layer.name].check()
            except Misfit as error:
                raise VistreamError(f"layer {layer.name} {error}") from None
            except ValueError as error:
                raise VistreamError(
                    f"frames of {width}x{height} pixels do not fit the network: at layer {layer.name}, {error}"
                ) from None
        return values

    def check(self) -> None:
        """Raise ValueError unless every layer is sound by itself and reads earlier ones, and every output exists."""
        seen: set[str] = set()
        for position, layer in enumerate(self.layers):
            if isinstance(layer, Input) != (position == 0):
                raise ValueError("the input is not the first layer, or not the only one")
            missing = [source for source in layer.sources if source not in seen]
            if missing:
                raise ValueError(f"layer {layer.name} reads {missing[0]}, which does not come before it")
            if layer.name in seen:
                raise ValueError(f"two layers are called {layer.name}")
            try:
                layer.check()
            except Misfit as error:
                raise ValueError(f"layer {layer.name} {error}") from None
            seen.add(layer.name)
        if not self.outputs or not {output.source for output in self.outputs} <= seen:
            raise ValueError("it has an output that no layer gives")
        self._check_fit(CHECKED, CHECKED)

    def _check_fit(self, height: int, width: int) -> None:
        """Raise ValueError where a layer does not fit its sources, as far as frames of this size tell."""
        values = {self.input.name: self.input.frame(*(self.input.size or (height, width)))}
        for layer in self.layers[1:]:
            try:
                values[layer.name] = layer.lay([values[source] for source in layer.sources])
                values[layer.name].check()
            except Misfit as error:
                raise ValueError(f"layer {layer.name} {error}") from None
            except ValueError:
                return  # it is meant for frames of another size
