"""Whether an integer network does what the float network does: looked at layer by layer, on frames.

Three comparisons, each of which finds what the others cannot:

* the recorded graph with the module's own forward: what a recording missed (a state, a branch, a clock);
* every layer alone: its integers with what the float graph makes of the *same* integer inputs. Only the rounding of
  this one layer lies between them, whatever the depth, so the bound is tight: `LAYER` of the layer's size, and one
  level. A wrong window, a lost term or a swapped channel is far outside;
* the outputs: what all the roundings add up to. An honest 8-bit network stays far below `OUTPUT`; a network that does
  not survive 8 bits does not, and is of no use.

Errors are root mean squares, relative to the root mean square of the float values; of classes, indices and truth values
they are the share of those that differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn

from vistream.engine.real_values import RealValues
from vistream.errors import VistreamError
from vistream.ir.network import IntegerNetwork
from vistream.quantize.meaning import Meaning
from vistream.quantize.program import FloatLayer, Program
from vistream.quantize.ranges import Preprocess
from vistream.quantize.running import as_for_inference, dtype_of, outputs_of
from vistream.quantize.view import seen
from vistream.types import Frame

LAYER = 0.1
OUTPUT = 0.5
RECORDED = 1e-3  # of the largest value; where the module computes with 16-bit floats:
COARSE = 0.05
ROUNDINGS = 4  # as far as the module's own rounding: a graph adds up in another order
TINY = 2.0**-100
ADVICE = "Calibrate on frames like those to come"
OR_ALLOW = f"{ADVICE}, or allow more with tolerance=..."


def check_recording(model: nn.Module, program: Program, frames: Sequence[Frame], preprocess: Preprocess) -> None:
    """Raise VistreamError where the module gives something else than its graph, or not the same thing twice.

    What it does to the last digits may be more than `RECORDED`: the graph may be off by a few times the module's own
    rounding, which the module in float64 shows.
    """
    dtype = dtype_of(model)
    bound = COARSE if program.graph.coarse else RECORDED
    inputs = [preprocess(frame) for frame in (*frames, frames[0])]
    with as_for_inference(model, inputs[0]):
        returned = [outputs_of(model(x.to(dtype, copy=True))) for x in inputs]
    for x, wanted in zip(inputs, returned, strict=True):
        with torch.no_grad():
            found = program.graph(x)
        for name, tensor in found.items():
            expected = wanted[name].to("cpu", torch.float32)
            if not bool(expected.isfinite().all()):
                raise VistreamError(f"output {name} of the model is not finite: are the weights sound?")
            error = _largest(tensor, expected)
            if not error <= bound and not (
                error <= COARSE and error <= ROUNDINGS * _rounding(model, x, name, expected)
            ):
                raise VistreamError(
                    f"output {name} of the model is not a function of the frame alone: on another frame it is "
                    f"{100 * error:.2g} % off what its graph gives; does it keep something between calls, or branch?"
                )


def _largest(found: Tensor, expected: Tensor) -> float:
    """The largest difference, relative to the largest value expected; 1 where the shapes differ."""
    if found.shape != expected.shape:
        return 1.0
    return float((found.to(torch.float32) - expected).abs().max() / expected.abs().max().clamp_min(TINY))


def _rounding(model: nn.Module, x: Tensor, name: str, expected: Tensor) -> float:
    """How far an output is from what the module gives in float64, relative; 0 where it can't be said.

    It can't of a module that does not run in float64, or that no longer gives what was `expected` of it.
    """
    with as_for_inference(model, x):
        try:
            again = outputs_of(model(x.clone()))[name].to("cpu")
            exact = outputs_of(deepcopy(model).double()(x.double()))[name].to("cpu", torch.float32)
        except Exception:  # the author's code may raise anything
            return 0.0
    return _largest(exact, expected) if torch.equal(again, expected) else 0.0


def check_network(
    program: Program,
    network: IntegerNetwork,
    meanings: Mapping[str, Meaning],
    frames: Sequence[Frame],
    preprocess: Preprocess,
    tolerance: float = OUTPUT,
    advice: str = ADVICE,
) -> None:
    """Raise VistreamError, naming the layer and the error, where integers and floats are too far apart on a frame.

    `advice`: what a user can do where 8 bits do not suffice.
    """
    comparison = _Comparison(program, network, meanings)
    for frame in frames:
        comparison.take(frame)
        for layer in program.layers[1:]:
            comparison.check_layer(layer)
        comparison.check_outputs(preprocess(frame), tolerance, advice)


class _Comparison(RealValues):
    """The integers of one frame beside the float values."""

    def check_layer(self, layer: FloatLayer) -> None:
        """The layer alone: what the float graph makes of the integers that it reads."""
        if any(self.layers[source].node == layer.node for source in layer.sources):
            return  # it repeats its source, in levels of its own
        found, levels = self.real(layer.name), self.levels(layer)
        expected = self.in_float(layer, {source: self.real(source) for source in layer.sources})
        step = 0.0
        if levels is not None:
            steps = self.step(layer)
            expected, step = expected.clamp(levels[0] * steps, levels[1] * steps), float(steps.max())
        difference, size = self.distance(layer, found, expected)
        if not difference <= LAYER * size + step + TINY:
            raise VistreamError(
                f"layer {layer.name} does not do in integers what it does in float: it is "
                f"{100 * difference / max(size, TINY):.0f} % off (allowed are {100 * LAYER:.0f} % and one level); "
                "does it have steps (round, sign, a comparison)? Keep them out of the module, and do them on what the "
                "stream gives; else please report this network"
            )

    def distance(self, layer: FloatLayer, found: Tensor, expected: Tensor) -> tuple[float, float]:
        """As `_distance`, of the numbers of a layer's map that the tensor of its node shows."""
        view = self.program.views.get(layer.name)
        return _distance(seen(view, found), seen(view, expected))

    def check_outputs(self, x: Tensor, tolerance: float, advice: str) -> None:
        """The outputs, with all that was rounded before them."""
        ends = {name: self.layers[output.layer] for name, output in self.program.outputs.items()}
        wanted = {layer.node for layer in ends.values()}
        with torch.no_grad():
            floats = {node.name: value for node, value in self.program.graph.run(x) if node.name in wanted}
        for name, layer in ends.items():
            difference, size = self.distance(layer, self.real(layer.name), self.lifted(layer, floats[layer.node]))
            error = difference / max(size, TINY)
            if error > tolerance:
                raise VistreamError(
                    f"output {name} (layer {layer.name}) is {100 * error:.0f} % off the float network: 8 bits do not "
                    f"suffice here. {advice}"
                )


def _distance(found: Tensor, expected: Tensor) -> tuple[float, float]:
    """How far the integer network is from the float tensor, and how large that is.

    Root mean squares; of classes, indices and truth values the share that differs, and 1.
    """
    if not expected.is_floating_point():
        return float((found != expected).to(torch.float32).mean()), 1.0
    return _size(found - expected), _size(expected)


def _size(tensor: Tensor) -> float:
    return float(tensor.square().mean().sqrt())
