"""Whether an integer network does what the float network does: looked at layer by layer, on frames.

Three comparisons, each of which finds what the others cannot:

* the recorded graph with the module's own forward: what a recording missed (a state, a branch, a clock);
* every layer alone: its integers with what the float graph makes of the *same* integer inputs. Only the rounding of
  this one layer lies between them, whatever the depth, so the bound is tight: `LAYER` of the layer's size, and one
  level. A wrong window, a lost term or a swapped channel is far outside;
* the outputs: what all the roundings add up to. An honest 8-bit network stays far below `OUTPUT`; a network that does
  not survive 8 bits does not, and is of no use.

Errors are root mean squares, relative to the root mean square of the float values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from vistream.engine.reference import Dense
from vistream.errors import VistreamError
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import Neuron
from vistream.ir.value import Kind
from vistream.quantize.convert import Meaning
from vistream.quantize.program import FloatLayer, Program
from vistream.quantize.ranges import Preprocess
from vistream.quantize.record import as_for_inference, dtype_of, outputs_of
from vistream.quantize.view import lifted, seen
from vistream.types import Frame

LAYER = 0.1
OUTPUT = 0.5
RECORDED = {torch.float32: 1e-3, torch.float64: 1e-3}  # of the largest value; coarser types:
COARSE = 0.05
TINY = 1e-12


def check_recording(model: nn.Module, program: Program, frames: Sequence[Frame], preprocess: Preprocess) -> None:
    """Raise VistreamError where the module gives something else than its graph, or not the same thing twice."""
    dtype = dtype_of(model)
    bound = RECORDED.get(dtype, COARSE)
    inputs = [preprocess(frame) for frame in (*frames, frames[0])]
    with as_for_inference(model):
        returned = [dict(outputs_of(model(x.to(dtype)))) for x in inputs]
    for x, wanted in zip(inputs, returned, strict=True):
        with torch.no_grad():
            found = program.graph(x)
        for name, tensor in found.items():
            expected = wanted[name].to("cpu", torch.float32)
            same = tensor.shape == expected.shape
            error = float((tensor - expected).abs().max() / expected.abs().max().clamp_min(1e-6)) if same else 1.0
            if not error <= bound:
                raise VistreamError(
                    f"output {name} of the model is not a function of the frame alone: on another frame it is "
                    f"{100 * error:.2g} % off what its graph gives; does it keep something between calls, or branch?"
                )


def check_network(
    program: Program,
    network: IntegerNetwork,
    meanings: Mapping[str, Meaning],
    frames: Sequence[Frame],
    preprocess: Preprocess,
    tolerance: float = OUTPUT,
) -> None:
    """Raise VistreamError, naming the layer and the error, where integers and floats are too far apart on a frame."""
    comparison = _Comparison(program, network, meanings)
    for frame in frames:
        comparison.take(frame)
        for layer in program.layers[1:]:
            comparison.check_layer(layer)
        comparison.check_outputs(preprocess(frame), tolerance)


class _Comparison:
    """The integers of one frame beside the float values."""

    def __init__(self, program: Program, network: IntegerNetwork, meanings: Mapping[str, Meaning]) -> None:
        self.program, self.network, self.meanings = program, network, meanings
        self.layers = {layer.name: layer for layer in program.layers}
        self.neurons = {neuron.name: neuron for neuron in network.neurons}
        self.dense = Dense(network)
        self.integers: dict[str, Tensor] = {}
        self.divisors: dict[str, int] = {}

    def take(self, frame: Frame) -> None:
        self.integers = self.dense.step(frame)
        self.divisors = {name: value.divisor for name, value in self.network.lay(*frame.shape[:2]).items()}

    def real(self, name: str) -> Tensor:
        """What a layer's numbers mean: float32 `[1, C, H, W]`."""
        meaning = self.meanings[name]
        real = self.integers[name].to(torch.float32) * (meaning.gain / self.divisors[name]) + meaning.offset
        return real.permute(2, 0, 1)[None]

    def check_layer(self, layer: FloatLayer) -> None:
        """The layer alone: what the float graph makes of the integers that it reads."""
        sources = [self.layers[source] for source in layer.sources]
        given = {source.node: seen(self.program.views.get(source.name), self.real(source.name)) for source in sources}
        if layer.node in given:
            return  # it repeats its source, in levels of its own
        found = self.real(layer.name)
        with torch.no_grad():
            expected = self.lifted(layer, self.program.graph.between(given, layer.node), found)
        neuron = self.neurons.get(layer.name)
        rounds = neuron is None or neuron.gives is Kind.LEVELS
        step = float(self.meanings[layer.name].gain.abs().max()) if rounds else 0.0
        if neuron is not None and rounds:
            expected = expected.clamp(*(level * step for level in _levels(neuron)))
        difference, size = _size(found - expected), _size(expected)
        if not difference <= LAYER * size + step:
            raise VistreamError(
                f"layer {layer.name} does not do in integers what it does in float: it is "
                f"{100 * difference / max(size, TINY):.0f} % off (allowed are {100 * LAYER:.0f} % and one level); "
                "please report this network"
            )

    def check_outputs(self, x: Tensor, tolerance: float) -> None:
        """The outputs, with all that was rounded before them."""
        ends = {name: self.layers[output.layer] for name, output in self.program.outputs.items()}
        wanted = {layer.node for layer in ends.values()}
        with torch.no_grad():
            floats = {node.name: value for node, value in self.program.graph.run(x) if node.name in wanted}
        for name, layer in ends.items():
            found = self.real(layer.name)
            expected = self.lifted(layer, floats[layer.node], found)
            error = _size(found - expected) / max(_size(expected), TINY)
            if error > tolerance:
                raise VistreamError(
                    f"output {name} (layer {layer.name}) is {100 * error:.0f} % off the float network: 8 bits do not "
                    "suffice here. Calibrate on frames like those to come, or allow more with tolerance=..."
                )

    def lifted(self, layer: FloatLayer, tensor: Tensor, like: Tensor) -> Tensor:
        """The float tensor of a layer's node as the map that the layer is."""
        return lifted(self.program.views.get(layer.name), tensor, (like.shape[1], like.shape[2], like.shape[3]))


def _levels(neuron: Neuron) -> tuple[int, int]:
    """The lowest and the highest level that a neuron layer can give."""
    if neuron.table is None:
        return neuron.lo, neuron.hi
    return int(neuron.table.min()), int(neuron.table.max())


def _size(tensor: Tensor) -> float:
    return float(tensor.square().mean().sqrt())
