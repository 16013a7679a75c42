"""Runs of elementwise operations: however many there are, they are one function of one number, hence one table."""

from __future__ import annotations

import torch
from torch import Tensor

from vistream.ir.evaluate import operator_of
from vistream.ir.graph import Graph
from vistream.ir.node import Node

BENDING = ("Relu", "Clip", "PRelu")
UNMARKED = ("hardswish", "leaky_relu", "log_sigmoid_forward", "_to_copy")
"""Elementwise, though not every version of torch marks them so: `leaky_relu` is marked since 2.13."""


def is_elementwise(node: Node, inside: set[str], constants: dict[str, Tensor]) -> bool:
    """Whether each number of the node depends on the same number of the nodes `inside`, and on nothing else."""
    if not all(name in inside or (name in constants and constants[name].numel() == 1) for name in node.inputs):
        return False
    if node.op == "Call":
        weights = all(weight.numel() == 1 for weight in node.weights.values())
        target = str(node.attributes["target"])
        marked = torch.Tag.pointwise in operator_of(target).tags or target.split(".")[1] in UNMARKED
        return weights and marked
    return node.op in ("Add", "Sub", "Mul", "Div", *BENDING)


def bends(node: Node, inside: set[str]) -> bool:
    """Whether an elementwise node is more than a line through what lies `inside`."""
    several = sum(name in inside for name in node.inputs) > 1
    return node.op in ("Call", *BENDING) or (several and node.op in ("Mul", "Div")) or (
        node.op == "Div" and node.inputs[1] in inside
    )  # fmt: skip


def closing(graph: Graph, users: dict[str, list[Node]], root: str, constants: dict[str, Tensor]) -> str:
    """The last node that everything `root` is used for runs through, with elementwise nodes alone in between.

    `root` itself where there is none.
    """
    inside = {root}
    last = root
    names = [node.name for node in graph.nodes]
    outputs = set(graph.outputs.values())
    for node in graph.nodes[names.index(root) + 1 :]:
        if any(name in inside for name in node.inputs):
            if not is_elementwise(node, inside, constants):
                break
            inside.add(node.name)
            leaving = {name for name in inside if any(user.name not in inside for user in users[name])} | (
                inside & outputs
            )
            if leaving <= {node.name}:
                last = node.name
            if last == node.name and node.name in outputs:
                break
    return last


def members(graph: Graph, root: str, last: str) -> list[Node]:
    """The nodes from behind `root` to `last`, in computing order."""
    needed, found = {last}, []
    for node in reversed(graph.nodes):
        if node.name in needed and node.name != root:
            found.append(node)
            needed.update(node.inputs)
        if node.name == root:
            break
    return [node for node in reversed(found) if node.op != "Constant"]


def apply(graph: Graph, root: str, last: str, z: Tensor) -> Tensor:
    """The function from `root` to `last` at the numbers `z`, float32 `[N]`."""
    return graph.between({root: z}, last).reshape(-1)
