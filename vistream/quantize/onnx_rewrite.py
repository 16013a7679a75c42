"""Rewriting the nodes of an ONNX file before they are run: what exporters spell out, as the operation that it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vistream.models.onnx_file import Node

FOCUS = "Focus"
"""Every second pixel of every second row, four times, side by side (YOLOv5 and YOLOX before their first convolution).

Attribute `corners`: the row and column, 0 or 1, at which each of the four begins, in turn.
"""


def rewritten(nodes: Sequence[Node], constants: dict[str, list[int]]) -> list[Node]:
    """The same nodes, with a `Focus` for each concatenation that is one; `constants`: lists of integers, by name."""
    made = {name: node for node in nodes for name in node.outputs}
    return [_focus(node, made, constants) or node for node in nodes]


def _focus(node: Node, made: dict[str, Node], constants: dict[str, list[int]]) -> Node | None:
    if node.op != "Concat" or node.attributes.get("axis") not in (1, -3) or len(node.inputs) != 4:
        return None
    parts = [_corner(name, made, constants) for name in node.inputs]
    sources = {source for source, _, _ in parts}
    corners = [corner for _, *both in parts for corner in both]
    if len(sources) != 1 or sorted(zip(corners[::2], corners[1::2], strict=True)) != [(0, 0), (0, 1), (1, 0), (1, 1)]:
        return None
    return replace(node, op=FOCUS, inputs=(sources.pop(),), attributes={"corners": corners})


def _corner(name: str, made: dict[str, Node], constants: dict[str, list[int]]) -> tuple[str, int, int]:
    """What a value is every second row and column of, and where these begin; -1 where it is not."""
    starts = {2: -1, 3: -1}
    while name in made and made[name].op == "Slice":
        node = made[name]
        given = [constants.get(read, []) for read in node.inputs[1:]]
        if len(given) != 4 or any(step != 2 for step in given[3]) or any(end < 2**30 for end in given[1]):
            break
        for axis, start in zip(given[2], given[0], strict=True):
            starts[axis % 4] = start
        name = node.inputs[0]
    return name, starts[2], starts[3]
