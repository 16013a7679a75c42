"""The nodes of an ONNX file in computing order: converters (to float16) put casts at the end, and onnxruntime sorts."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vistream.models.onnx_file import Node


def in_order(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """Each node behind those that it reads, otherwise as they stand; so, too, where they read each other in a ring."""
    makers = {name: number for number, node in enumerate(nodes) for name in node.outputs if name}
    needs = TopologicalSorter(
        {number: [makers[name] for name in node.reads if name in makers] for number, node in enumerate(nodes)}
    )
    try:
        needs.prepare()
    except CycleError:  # which onnxruntime refuses
        return tuple(nodes)
    ready: list[int] = []
    order = []
    while needs.is_active():
        for number in needs.get_ready():
            heapq.heappush(ready, number)
        order.append(heapq.heappop(ready))
        needs.done(order[-1])
    return tuple(nodes[number] for number in order)
