"""The convolutions of a tfjs graph as a torch module in torch's layout, and the rest of the graph behind them.

What lies before the first convolution prepares the pixels, and is left to the caller: the module takes them prepared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vistream.errors import VistreamError
from vistream.ir.same import SameConv2d
from vistream.models.tfjs import CONVOLUTIONS, TfjsGraph
from vistream.models.tfjs_operations import Node

ACTIVATIONS: dict[str, type[nn.Module]] = {"Relu": nn.ReLU, "Relu6": nn.ReLU6}


class TfjsBody(nn.Module):
    """Convolutions, what is added up between them, and bilinear enlargements by whole factors.

    Takes `[1, C, H, W]` of any size, and gives the values that leave it, `[1, C, h, w]`, by name. `starts_with`: the
    tensor of the graph that it takes.
    """

    def __init__(self, graph: TfjsGraph, nodes: Sequence[Node], outputs: Sequence[str]) -> None:
        super().__init__()
        self.starts_with = nodes[0].inputs[0][0]
        self.outputs = tuple(outputs)
        self._nodes = tuple(nodes)
        self._factors = {node.name: _factor(graph, node) for node in nodes if node.op == "ResizeBilinear"}
        self._titles = _titles([node.name for node in nodes if node.op in CONVOLUTIONS])
        for node in nodes:
            if node.op in CONVOLUTIONS:
                self.add_module(self._titles[node.name], _convolution(graph, node))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        values = {self.starts_with: x}
        for node in self._nodes:
            first = values[node.inputs[0][0]]
            if node.op in CONVOLUTIONS:
                values[node.name] = self.get_submodule(self._titles[node.name])(first)
            elif node.op == "AddV2":
                values[node.name] = first + values[node.inputs[1][0]]
            else:
                factor = self._factors[node.name]
                values[node.name] = F.interpolate(first, scale_factor=factor, mode="bilinear", align_corners=False)
        return {name: values[name] for name in self.outputs}


@dataclass(frozen=True, eq=False)
class TfjsParts:
    """A graph cut in two: `rest` takes what leaves the body as further inputs, in TensorFlow's layout."""

    body: TfjsBody
    rest: TfjsGraph


def split_tfjs(graph: TfjsGraph) -> TfjsParts:
    """Cut a graph behind the last convolution of each path from its picture; raises VistreamError where it has none."""
    convolutions = [node for node in graph.nodes if node.op in CONVOLUTIONS]
    if not convolutions:
        raise VistreamError(f"{graph.path}: has no convolution")
    within = {convolutions[0].inputs[0][0]}
    taken = []
    for node in graph.nodes:
        reads = [name for name, _ in node.inputs]
        maps = reads if node.op == "AddV2" else reads[:1]
        if node.op in (*CONVOLUTIONS, "AddV2", "ResizeBilinear") and within.issuperset(maps):
            within.add(node.name)
            taken.append(node)
    needed: set[str] = set()
    body = []
    for node in reversed(taken):
        if node.op in CONVOLUTIONS or node.name in needed:
            body.append(node)
            needed.update(name for name, _ in node.inputs)
    rest = graph.behind([node.name for node in body])
    leaving = [name for name in rest.inputs if name not in graph.inputs]
    return TfjsParts(TfjsBody(graph, body[::-1], leaving).eval(), rest)


def _convolution(graph: TfjsGraph, node: Node) -> nn.Sequential:
    """One convolution with its bias and activation."""
    kernel = graph.weights[node.inputs[1][0]]
    if "Depthwise" in node.op:
        groups, weight = kernel.shape[2], kernel.permute(2, 3, 0, 1).flatten(0, 1).unsqueeze(1)
    else:
        groups, weight = 1, kernel.permute(3, 2, 0, 1)
    _, *strides, _ = node.integers("strides")
    _, *dilations, _ = node.integers("dilations") or [1, 1, 1, 1]
    kind = SameConv2d if node.text("padding") == "SAME" else nn.Conv2d
    made = kind(
        weight.shape[1] * groups,
        weight.shape[0],
        (weight.shape[2], weight.shape[3]),
        (strides[0], strides[1]),
        dilation=(dilations[0], dilations[1]),
        groups=groups,
        bias=len(node.inputs) > 2,
    )
    made.weight.data = weight.contiguous()
    if made.bias is not None:
        made.bias.data = graph.weights[node.inputs[2][0]].clone()
    steps = [step for step in node.texts("fused_ops") if step != "BiasAdd"]
    if not set(steps) <= set(ACTIVATIONS):
        raise VistreamError(f"{graph.path}: a convolution with {' and '.join(steps)} can't be streamed")
    return nn.Sequential(made, *(ACTIVATIONS[step]() for step in steps))


def _factor(graph: TfjsGraph, node: Node) -> float:
    """By how much a map is enlarged: the size that is asked for is its own times a constant."""
    by_name = {other.name: other for other in graph.nodes}
    product = by_name.get(node.inputs[1][0])
    factors = [graph.weights[name] for name, _ in (product.inputs if product else ()) if name in graph.weights]
    sizes = {by_name[name].op for name, _ in (product.inputs if product else ()) if name in by_name}
    if not node.integer("half_pixel_centers") or not factors or sizes != {"StridedSlice"}:
        raise VistreamError(f"{graph.path}: {node.name} resizes in a way that can't be streamed")
    down, across = torch.broadcast_to(factors[0], (2,)).tolist()
    if down != across:
        raise VistreamError(f"{graph.path}: {node.name} does not keep the aspect")
    return float(down)


def _titles(names: Sequence[str]) -> dict[str, str]:
    """Short names of modules: the ends of the nodes' names, as much of them as tells them apart."""
    found = {}
    for name in names:
        parts = name.split("/")
        length = next(n for n in range(1, len(parts) + 1) if _unique(parts[-n:], name, names) or n == len(parts))
        found[name] = "_".join(parts[-length:]).replace(".", "_")
    return found


def _unique(end: Sequence[str], name: str, names: Sequence[str]) -> bool:
    """Whether no other name ends so."""
    return not any(other != name and other.split("/")[-len(end) :] == list(end) for other in names)
