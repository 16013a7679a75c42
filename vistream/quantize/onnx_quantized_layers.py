"""The layers that stand for the operations of a quantised ONNX file, each with the arithmetic of onnxruntime."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from vistream.ir.formula import Rounding
from vistream.ir.operations import Concat, Input, Neuron, Operation, PickChannels, Synapse
from vistream.ir.window import Window
from vistream.models.onnx_file import DTYPES, Node, OnnxFile
from vistream.models.onnx_session import OnnxSession
from vistream.quantize.onnx_attributes import integer, integers
from vistream.quantize.onnx_levels import Levels, NotTaken, Pair, Scale
from vistream.quantize.onnx_module import image_of
from vistream.quantize.onnx_part import Fed, nodes_behind, part_of
from vistream.quantize.ranges import Preprocess

LEVELS = 256
WHOLE = (-128, 127)  # the bounds of a level that nothing clips further
Array = NDArray[np.generic]
Weight = tuple[Array, NDArray[np.float32], Array]
"""Integers `[O, I / groups, kh, kw]`, their scales and their zero points, one or `[O]` each."""


class QuantisedLayers:
    """Makes `layers`, one after the other; each method gives the levels that it made."""

    def __init__(self, file: OnnxFile, preprocess: Preprocess) -> None:
        self.file, self.preprocess = file, preprocess
        self.layers: list[Operation] = [Input(image_of(file).name, len(preprocess.mean))]

    def add(self, layer: Operation) -> str:
        self.layers.append(layer)
        return layer.name

    def lookup(self, name: str, source: str, channels: int, table: NDArray[np.int8], scale: Scale) -> str:
        """A layer that looks levels up; `table` `[256]`, from level -128 on."""
        one = torch.ones(channels, dtype=torch.float32)
        bias = torch.full((channels,), float(-scale.zero), dtype=torch.float32)
        values = torch.from_numpy(table.copy())
        step = float(scale.step)
        synapse = Synapse(source, None, one)
        return self.add(Neuron(name, (synapse,), bias, -128, 127, step, values, Rounding.HALF_EVEN, scale.zero))

    def rescaled(self, name: str, levels: Levels, scale: Scale, bounds: Pair = WHOLE) -> Levels:
        """The same values in another scale, as DequantizeLinear and QuantizeLinear make them."""
        if levels.scale == scale and bounds == WHOLE:
            return levels
        every = np.arange(-128, 128, dtype=np.float32)
        real = (every - np.float32(levels.scale.zero)) * levels.scale.step
        table = np.clip(np.rint(real / scale.step) + scale.zero, *bounds).astype(np.int8)
        layer = self.lookup(name, levels.layer, levels.channels, table, scale)
        return Levels(layer, scale, levels.channels, name)

    def image(self, name: str, scale: Scale, bounds: Pair) -> Levels:
        """The frame as the file quantises it: a table for each channel, one for all where these are alike."""
        channels = len(self.preprocess.mean)
        pixels = np.repeat(np.arange(LEVELS, dtype=np.uint8)[None, :, None], channels, 2)
        real = self.preprocess(pixels)[0, :, 0].numpy()
        tables = np.clip(np.rint(real / scale.step) + scale.zero, -128, 127).astype(np.int8)
        image = self.layers[0].name
        if (tables == tables[0]).all():
            return Levels(self.lookup(name, image, channels, tables[0], scale), scale, channels, name)
        parts = []
        for channel, table in enumerate(tables):
            picked = self.add(PickChannels(f"{name}:{channel}", image, (channel,)))
            parts.append(self.lookup(f"{name}:{channel}:levels", picked, 1, table, scale))
        return Levels(self.add(Concat(name, tuple(parts))), scale, channels, name)

    def function(self, name: str, levels: Levels, root: str, scale: Scale) -> Levels:
        """An elementwise function of one tensor: what onnxruntime gives for each of the 256 levels."""
        nodes = nodes_behind(self.file, frozenset((root,)), (name,))
        dtype = levels.scale.dtype
        every = (np.arange(LEVELS) - 128 + levels.scale.shift).astype(DTYPES[dtype]).reshape(1, LEVELS, 1, 1)
        fed = {root: Fed(dtype, (1, LEVELS, 1, 1))}
        session = OnnxSession(self.file, part_of(self.file, nodes, fed, (name,)))
        reached = session({root: every})[name]
        if reached.size != LEVELS:
            raise NotTaken("an elementwise function that varies over the map")
        table = (reached.reshape(-1).astype(np.int16) - scale.shift).astype(np.int8)
        return Levels(self.lookup(name, levels.layer, levels.channels, table, scale), scale, levels.channels, root)

    def convolution(
        self,
        node: Node,
        name: str,
        source: Levels,
        weight: Weight,
        bias: Array | None,
        scale: Scale,
        bounds: Pair,
    ) -> Levels:
        """`round(sum * (x scale * weight scale / y scale)) + y zero`, the sum with its int32 bias exact."""
        integers, steps, zeros = weight
        outputs = len(integers)
        each = zeros.reshape(-1, 1, 1, 1).astype(np.int64)
        whole = integers.astype(np.int64) - each
        if whole.ndim != 4 or whole.min() < -128 or whole.max() > 127 or steps.size not in (1, outputs):
            raise NotTaken("weights that are no maps of 8 bits")
        given = np.zeros(outputs, np.int64) if bias is None else bias.astype(np.int64)
        offset = given - source.scale.zero * whole.sum((1, 2, 3))
        multiplier = np.broadcast_to(source.scale.step * steps.reshape(-1) / scale.step, (outputs,)).astype(np.float32)
        synapse = Synapse(
            source.layer,
            torch.from_numpy(whole.astype(np.int8)),
            torch.from_numpy(multiplier.copy()),
            window_of(node, (whole.shape[2], whole.shape[3])),
            integer(node, "group", 1),
            torch.from_numpy(offset.astype(np.int32)),
        )
        return self._neuron(name, (synapse,), outputs, scale, bounds)

    def _neuron(self, name: str, synapses: tuple[Synapse, ...], outputs: int, scale: Scale, bounds: Pair) -> Levels:
        step, (lo, hi) = float(scale.step), bounds
        if not lo <= scale.zero <= hi:
            raise NotTaken("an activation that never gives zero")
        bias = torch.zeros(outputs, dtype=torch.float32)
        self.add(Neuron(name, synapses, bias, lo, hi, step, None, Rounding.HALF_EVEN, scale.zero))
        return Levels(name, scale, outputs, name)

    def sum_of(self, name: str, terms: list[Levels], scale: Scale, bounds: Pair) -> Levels:
        if terms[0].channels != terms[1].channels:
            raise NotTaken("tensors of different shapes are added")
        synapses = tuple(_identity(term, term.scale.step / scale.step) for term in terms)
        return self._neuron(name, synapses, terms[0].channels, scale, bounds)

    def concat(self, name: str, parts: list[Levels], scale: Scale, bounds: Pair = WHOLE) -> Levels:
        alike = [self.rescaled(f"{name}:{i}", part, scale, bounds) for i, part in enumerate(parts)]
        layer = self.add(Concat(name, tuple(part.layer for part in alike)))
        return Levels(layer, scale, sum(part.channels for part in parts), name)


def _identity(levels: Levels, gain: np.float32) -> Synapse:
    """A tensor's own levels, minus their zero, times `gain`."""
    multiplier = torch.full((levels.channels,), float(gain), dtype=torch.float32)
    offset = torch.full((levels.channels,), -levels.scale.zero, dtype=torch.int32)
    return Synapse(levels.layer, None, multiplier, offset=offset)


def window_of(node: Node, kernel: Pair) -> Window:
    if node.attributes.get("auto_pad", "NOTSET") not in ("NOTSET", ""):
        raise NotTaken("padding by rule")
    top, left, bottom, right = integers(node, "pads", [0, 0, 0, 0])
    (down, across), (rows, columns) = (integers(node, name, [1, 1]) for name in ("strides", "dilations"))
    after = None if (top, left) == (bottom, right) else (bottom, right)
    return Window(kernel, (down, across), (rows, columns), (top, left), after)


def check_axis(node: Node) -> None:
    """Raises NotTaken for a concatenation along another axis than the channels."""
    if integer(node, "axis", 0) not in (1, -3):
        raise NotTaken("a concatenation along another axis than the channels")
