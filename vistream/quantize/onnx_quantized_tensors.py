"""The tensors of a quantised ONNX file that are known so far, and what an operation may read of them."""

from __future__ import annotations

import numpy as np

from vistream.models.onnx_file import Node, OnnxFile
from vistream.quantize.onnx_levels import INT8, UINT8, Levels, NotTaken, Real, Scale
from vistream.quantize.onnx_module import image_of
from vistream.quantize.onnx_quantized_layers import Array, QuantisedLayers, Weight
from vistream.quantize.ranges import Preprocess


class KnownTensors:
    """`levels` and `reals` are the activations known so far, `constants` dequantised weights; `make` makes layers."""

    def __init__(self, file: OnnxFile, preprocess: Preprocess) -> None:
        self.file, self.make = file, QuantisedLayers(file, preprocess)
        image = image_of(file).name
        self.levels: dict[str, Levels] = {}
        self.reals: dict[str, Real] = {image: Real(self.make.image)}
        self.constants: dict[str, Weight] = {}

    def array(self, name: str) -> Array:
        if name not in self.file.weights:
            raise NotTaken("a weight that is computed")
        return self.file.weight(name)

    def scale(self, step: str, zero: str) -> Scale:
        """Of one scale for all channels."""
        steps = self.array(step).astype(np.float32).reshape(-1)
        zeros = self.array(zero) if zero else np.zeros(1, np.uint8)
        if len(steps) != 1 or zeros.dtype not in (np.uint8, np.int8):
            raise NotTaken("activations of several scales, or of more than 8 bits")
        dtype = UINT8 if zeros.dtype == np.uint8 else INT8
        return Scale(steps[0], int(zeros.reshape(-1)[0]) - (128 if dtype == UINT8 else 0), dtype)

    def real(self, name: str) -> Real:
        if name not in self.reals:
            raise NotTaken("what it reads can't be taken")
        return self.reals[name]

    def held(self, name: str) -> Levels:
        """The integer tensor that a real one stands for."""
        same = self.real(name).same
        if same is None:
            raise NotTaken("it reads what was not quantised")
        return self.levels[same]

    def one_root(self, node: Node) -> str | None:
        """The one integer tensor that all inputs are functions of; numbers don't count."""
        roots: set[str | None] = set()
        for name in node.inputs:
            if name in self.reals:
                roots.add(self.reals[name].root)
            elif name not in self.constants and name not in self.file.weights:
                return None
        return next(iter(roots)) if len(roots) == 1 else None

    def given(self, name: str, step: str, zero: str) -> Levels:
        """An integer tensor that an operation reads."""
        if name not in self.levels or self.scale(step, zero) != self.levels[name].scale:
            raise NotTaken("what it reads can't be taken")
        return self.levels[name]
