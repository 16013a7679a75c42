"""What the integers of a frame mean, layer by layer, in the shapes of the float graph."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from vistream.engine.reference import Dense
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import Island, Neuron
from vistream.ir.value import Kind
from vistream.quantize.meaning import Meaning
from vistream.quantize.program import FloatLayer, Program
from vistream.quantize.view import lifted, seen
from vistream.types import Frame


class RealValues:
    """A frame at a time through the reference. `network` and `meanings` are what `converted` made of `program`."""

    def __init__(self, program: Program, network: IntegerNetwork, meanings: Mapping[str, Meaning]) -> None:
        self.program, self.meanings = program, meanings
        self.layers = {layer.name: layer for layer in program.layers}
        self._network, self._dense = network, Dense(network)
        self._operations = {layer.name: layer for layer in network.layers}
        self._integers: dict[str, Tensor] = {}
        self._divisors: dict[str, int] = {}

    def take(self, frame: Frame) -> None:
        """Compute a frame, uint8 `[H, W, C]`."""
        self._integers = self._dense.step(frame)
        self._divisors = {name: value.divisor for name, value in self._network.lay(*frame.shape[:2]).items()}

    def real(self, name: str) -> Tensor:
        """What a layer's numbers mean: float32 `[1, C, H, W]`."""
        meaning = self.meanings[name]
        real = self._integers[name].to(torch.float32) * (meaning.gain / self._divisors[name]) + meaning.offset
        return real.permute(2, 0, 1)[None]

    def in_float(self, layer: FloatLayer, sources: Mapping[str, Tensor]) -> Tensor:
        """The map `[1, C, H, W]` that the float graph makes of the maps of a layer's `sources`, by name."""
        nodes = {source: self.layers[source].node for source in layer.sources}
        given = {node: seen(self.program.views.get(source), sources[source]) for source, node in nodes.items()}
        with torch.no_grad():
            tensor = given[layer.node] if layer.node in given else self.program.graph.between(given, layer.node)
        return self.lifted(layer, tensor)

    def lifted(self, layer: FloatLayer, tensor: Tensor) -> Tensor:
        """The float tensor of a layer's node as the map that the layer is."""
        height, width, channels = self._integers[layer.name].shape
        return lifted(self.program.views.get(layer.name), tensor, (channels, height, width))

    def step(self, layer: FloatLayer) -> Tensor:
        """The real value of one level, by channel: float32 `[C, 1, 1]`."""
        return self.meanings[layer.name].gain.abs()[:, None, None]

    def levels(self, layer: FloatLayer) -> tuple[int, int] | None:
        """The lowest and the highest level that a layer can give, where it decides levels of its own."""
        operation = self._operations[layer.name]
        if not isinstance(operation, Neuron | Island) or operation.gives is not Kind.LEVELS:
            return None
        if isinstance(operation, Neuron) and operation.table is not None:
            return int(operation.table.min()), int(operation.table.max())
        return operation.lo, operation.hi
