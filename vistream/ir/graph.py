"""The neutral float graph: what a front end (torch, ONNX) reads a network into, and what the lowering takes.

Its nodes are listed in `node`. Any graph can be run in float, node by node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from vistream.ir.evaluate import evaluate
from vistream.ir.node import Node


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes in computing order, the inputs first; `outputs`: the user's names for some of them, to node names.

    `sample`: the shape `[1, C, H, W]` of the input that the network was read at; every node's shape follows from it.
    `coarse`: the network that it was read from has 16-bit floats somewhere, where the graph has float32.
    """

    nodes: tuple[Node, ...]
    outputs: Mapping[str, str]
    sample: tuple[int, ...] = ()
    coarse: bool = False

    def node(self, name: str) -> Node:
        """The node of a name."""
        return self._by_name[name]

    @property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    def users(self) -> dict[str, list[Node]]:
        """The nodes that read each node, once for each time that they do."""
        users: dict[str, list[Node]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for source in node.inputs:
                users[source].append(node)
        return users

    def run(self, *inputs: Tensor) -> Iterator[tuple[Node, Tensor]]:
        """Every node with its tensor, for float32 inputs in order; what is no longer needed is dropped."""
        last = {source: position for position, node in enumerate(self.nodes) for source in node.inputs}
        kept = set(self.outputs.values())
        values: dict[str, Tensor] = {}
        remaining = iter(inputs)
        for position, node in enumerate(self.nodes):
            sources = [values[name] for name in node.inputs]
            values[node.name] = next(remaining) if node.op == "Input" else evaluate(node, sources)
            yield node, values[node.name]
            for name in {*node.inputs, node.name}:
                if last.get(name, position) <= position and name not in kept:
                    values.pop(name, None)

    def __call__(self, *inputs: Tensor) -> dict[str, Tensor]:
        """The outputs by the user's names, for float32 inputs in order."""
        wanted = set(self.outputs.values())
        found = {node.name: value for node, value in self.run(*inputs) if node.name in wanted}
        return {name: found[source] for name, source in self.outputs.items()}

    def between(self, given: Mapping[str, Tensor], wanted: str) -> Tensor:
        """The tensor of node `wanted`, computed from the tensors of the nodes in `given` and no others."""
        by_name = self._by_name
        values = dict(given)
        pending = [wanted]
        while pending:
            node = by_name[pending[-1]]
            missing = [name for name in node.inputs if name not in values]
            if node.name not in values and not missing:
                values[node.name] = evaluate(node, [values[name] for name in node.inputs])
            if node.name in values:
                pending.pop()
            pending.extend(missing)
        return values[wanted]

    def kinds(self) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
        """The shape and the type of every node's tensor at the sample's size."""
        with torch.no_grad():
            sample = torch.zeros(self.sample, dtype=torch.float32)
            return {node.name: (tuple(value.shape), value.dtype) for node, value in self.run(sample)}


class Piece(nn.Module):
    """A graph with one output as a module: what an `Island` runs."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, *inputs: Tensor) -> Tensor:
        (output,) = self.graph(*inputs).values()
        return output


def pruned(graph: Graph) -> Graph:
    """The same graph without the nodes that no output needs."""
    needed = set(graph.outputs.values()) | {node.name for node in graph.nodes if node.op == "Input"}
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed.update(node.inputs)
    return replace(graph, nodes=tuple(node for node in graph.nodes if node.name in needed))
