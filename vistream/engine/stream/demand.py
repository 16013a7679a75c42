"""What of every layer is needed for a part of the output: the receptive fields of boxes, back through the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vistream.engine.stream.plan import LayerPlan, Place
from vistream.ir.layers import Concat, Input, MaxPool, Neuron, Upsample

Cells = NDArray[np.uint8]
"""Marks on a layer's grid, `[H, W]`: 1 or 0."""
Spans = NDArray[np.int64]
"""Rectangles of cells, `[N, 4]`: first row, row behind the last, first column, column behind the last."""


def spans_of(boxes: NDArray[np.float64], stride: tuple[float, float], shape: tuple[int, int]) -> Spans:
    """The cells that bilinear sampling reads anywhere in `boxes`, `[N, 4]` as (x, y, w, h) in pixels of the frame.

    `stride`: pixels a cell, (x, y); `shape`: of the grid. What lies beyond the frame is taken from its border.

    >>> spans_of(np.array([[8.0, 0.0, 16.0, 8.0]]), (8.0, 8.0), (4, 6)).tolist()
    [[0, 2, 0, 4]]
    """
    spans = np.empty((len(boxes), 4), np.int64)
    for axis, size in ((0, shape[0]), (1, shape[1])):
        begin = boxes[:, 1 - axis]
        ends = np.stack([begin, begin + boxes[:, 3 - axis]], 1) / stride[1 - axis] - 0.5
        low, high = np.clip(np.floor(np.clip(ends, -1.0, size)).astype(np.int64), 0, size - 1).T
        spans[:, 2 * axis], spans[:, 2 * axis + 1] = low, np.minimum(high + 2, size)
    return spans


def needed_cells(plans: Sequence[LayerPlan], spans: Spans) -> dict[str, Cells]:
    """For every layer the cells on which the cells in `spans` of the last layer depend."""
    needed = {plan.layer.name: np.zeros((plan.height, plan.width), np.uint8) for plan in plans}
    for name, rectangles in needed_spans(plans, spans).items():
        for top, bottom, left, right in rectangles.tolist():
            needed[name][top:bottom, left:right] = 1
    return needed


def needed_spans(plans: Sequence[LayerPlan], spans: Spans) -> dict[str, Spans]:
    """As `needed_cells`: one rectangle for each of the last layer's, which holds all that it depends on."""
    sizes = {plan.layer.name: (plan.height, plan.width) for plan in plans}
    nothing = np.array([[1 << 40, -1, 1 << 40, -1]]).repeat(len(spans), 0)
    found = dict.fromkeys(sizes, nothing) | {plans[-1].layer.name: spans}
    for plan in reversed(plans):
        for source, looked_at in _sources(plan, found[plan.layer.name], sizes):
            old = found[source]
            first, behind = np.minimum(old[:, ::2], looked_at[:, ::2]), np.maximum(old[:, 1::2], looked_at[:, 1::2])
            found[source] = np.stack([first[:, 0], behind[:, 0], first[:, 1], behind[:, 1]], 1)
    return found


def _sources(plan: LayerPlan, spans: Spans, sizes: Mapping[str, tuple[int, int]]) -> list[tuple[str, Spans]]:
    """The sources of a layer, and what of them the positions in `spans` look at."""
    match plan.layer:
        case Input():
            return []
        case Neuron():
            return [
                (synapse.source, _everything(len(spans), sizes[synapse.source]))
                if synapse.place is None
                else (synapse.source, _under(spans, synapse.place))
                for synapse in plan.synapses
            ]
        case MaxPool(source=source):
            assert plan.place is not None
            return [(source, _under(spans, plan.place))]
        case Upsample(source=source, factor=(rows, columns)):
            return [(source, np.stack([spans[:, 0] // rows, -(-spans[:, 1] // rows),
                                       spans[:, 2] // columns, -(-spans[:, 3] // columns)], 1))]  # fmt: skip
        case Concat(sources=sources):
            return [(source, spans) for source in sources]


def _everything(count: int, size: tuple[int, int]) -> Spans:
    return np.array([[0, size[0], 0, size[1]]]).repeat(count, 0)


def _under(spans: Spans, place: Place) -> Spans:
    """The inputs under the windows of the positions in `spans`, as far as they lie inside the frame."""
    found = np.empty_like(spans)
    window, before, sizes = place.window, (place.placed.top, place.placed.left), (place.height, place.width)
    for axis in (0, 1):
        first = spans[:, 2 * axis] * window.stride[axis] - before[axis]
        reach = window.dilation[axis] * (window.kernel[axis] - 1) + 1
        behind = (spans[:, 2 * axis + 1] - 1) * window.stride[axis] - before[axis] + reach
        found[:, 2 * axis] = np.minimum(np.maximum(first, 0), sizes[axis])
        found[:, 2 * axis + 1] = np.minimum(np.maximum(behind, 0), sizes[axis])
    return found
