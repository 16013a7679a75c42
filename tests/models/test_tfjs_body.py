"""A tfjs graph cut in two: the body with the rest behind it gives what the whole graph gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tfjsfile import TfjsFile

from vistream.errors import VistreamError
from vistream.models.tfjs import TfjsGraph, load_tfjs
from vistream.models.tfjs_body import split_tfjs
from vistream.quantize.trace import trace

CONVOLUTION = {"padding": "SAME", "dilations": [1, 1, 1, 1]}


class Small(TfjsFile):
    """A graph of two levels: convolutions at two strides, the coarse one enlarged and added to the fine one."""

    def weight(self, *shape: int) -> str:
        return self.constant(np.random.default_rng(len(self.weights)).normal(0, 1, shape).astype(np.float32))

    def ints(self, *values: int) -> str:
        return self.constant(np.array(values, np.int32))

    def convolution(self, source: str, inputs: int, outputs: int, stride: int, *fused: str) -> str:
        operands = [source, self.weight(3, 3, inputs, outputs), self.weight(outputs)]
        strides = [1, stride, stride, 1]
        return self.operation("_FusedConv2D", operands, strides=strides, fused_ops=["BiasAdd", *fused], **CONVOLUTION)

    def twice(self, source: str, factor: int = 2) -> str:
        shape = self.operation("Shape", [source])
        sides = self.operation("StridedSlice", [shape, self.ints(1), self.ints(3), self.ints(1)])
        size = self.operation("Mul", [sides, self.ints(2, factor)])
        return self.operation("ResizeBilinear", [source, size], align_corners=False, half_pixel_centers=True)


def small(folder: Path, activation: str = "Relu6", factor: int = 2) -> TfjsGraph:
    file = Small()
    picture = file.operation("Mul", [file.placeholder((1, -1, -1, 3)), file.constant(np.array(0.5, np.float32))])
    fine = file.convolution(picture, 3, 4, 2, activation)
    deep = [fine, file.weight(3, 3, 4, 1)]
    coarse = file.operation("DepthwiseConv2dNative", deep, strides=[1, 2, 2, 1], **CONVOLUTION)
    joined = file.operation("AddV2", [file.twice(coarse, factor), fine])
    head = file.convolution(joined, 4, 2, 1)
    outputs = [file.operation("Sigmoid", [head]), file.operation("Max", [head, file.ints(1, 2)], keep_dims=False)]
    return load_tfjs(file.write(folder, outputs))


def prepared(picture: NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(picture).permute(0, 3, 1, 2) * 0.5


@pytest.mark.parametrize("size", [(8, 12), (16, 4)])
def test_body_and_rest_are_the_whole_graph(tmp_path: Path, size: tuple[int, int]) -> None:
    graph = small(tmp_path)
    parts = split_tfjs(graph)
    picture = np.random.default_rng(1).normal(0, 1, (1, *size, 3)).astype(np.float32)
    maps = parts.body(prepared(picture))
    assert list(maps) == list(parts.body.outputs) and len(maps) == 1
    given = {name: value.permute(0, 2, 3, 1) for name, value in maps.items()}
    found, whole = parts.rest({"input:0": torch.from_numpy(picture), **given}), graph(torch.from_numpy(picture))
    assert {node.op for node in parts.rest.nodes} == {"Sigmoid", "Max"}
    for name, value in whole.items():
        torch.testing.assert_close(found[name], value)


def test_the_body_becomes_an_integer_network_whose_layers_are_named(tmp_path: Path) -> None:
    names = [layer.name for layer in trace(split_tfjs(small(tmp_path)).body).layers]
    assert names[0] == "input" and len(set(names)) == len(names)
    assert any(name.startswith("node") for name in names)


def test_what_can_not_be_cut_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VistreamError, match="a convolution with Elu can't be streamed"):
        split_tfjs(small(tmp_path, "Elu"))
    with pytest.raises(VistreamError, match="does not keep the aspect"):
        split_tfjs(small(tmp_path, factor=3))
    file = TfjsFile()
    graph = load_tfjs(file.write(tmp_path, [file.operation("Sigmoid", [file.placeholder((1, 2, 2, 3))])]))
    with pytest.raises(VistreamError, match="has no convolution"):
        split_tfjs(graph)
