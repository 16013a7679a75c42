"""What of every value is needed for a part of an output: the receptive fields of boxes, back through the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vistream.engine.stream.plan import LayerPlan
from vistream.ir.footprint import Axes, Everywhere, Footprint, Nothing, Place, Same

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
    begin, size = boxes[:, 1::-1], np.array(shape)[:, None]
    ends = np.stack([begin, begin + boxes[:, :1:-1]], 2) / np.array(stride[::-1])[:, None] - 0.5
    spans: Spans = np.floor(np.clip(ends, 0, size - 1)).astype(np.int64)
    spans[:, :, 1] = np.minimum(spans[:, :, 1] + 2, size[:, 0])
    return spans.reshape(-1, 4)


def needed_cells(plans: Sequence[LayerPlan], wanted: Mapping[str, Spans | None]) -> dict[str, Cells]:
    """For every value the cells on which the `wanted` cells of some values depend; None: all cells of that value."""
    needed = {plan.layer.name: np.zeros(plan.value.grid, np.uint8) for plan in plans}
    for name, spans in wanted.items():
        whole = np.array([[0, needed[name].shape[0], 0, needed[name].shape[1]]])
        for value, rectangles in needed_spans(plans, name, whole if spans is None else spans).items():
            for top, bottom, left, right in rectangles.tolist():
                needed[value][top:bottom, left:right] = 1
    return needed


def needed_spans(plans: Sequence[LayerPlan], wanted: str, spans: Spans) -> dict[str, Spans]:
    """As `needed_cells` of one value: for each of its rectangles one in every value, which holds all it depends on."""
    nothing = _nothing(len(spans))
    found = {plan.layer.name: nothing for plan in plans} | {wanted: spans}
    for plan in reversed(plans):
        own = found[plan.layer.name]
        if own is nothing or not len(own):
            continue
        if plan.layer.whole:
            own = found[plan.layer.name] = _everything(len(own), plan.value.grid)
        for name, source, footprint in zip(plan.layer.sources, plan.sources, plan.footprints, strict=True):
            old, looked_at = found[name], needs(own, footprint, source.grid)
            found[name] = looked_at if old is nothing else _joined(old, looked_at)
    return found


def _joined(spans: Spans, others: Spans) -> Spans:
    """For each pair the rectangle that holds both."""
    found = np.empty_like(spans)
    np.minimum(spans[:, ::2], others[:, ::2], out=found[:, ::2])
    np.maximum(spans[:, 1::2], others[:, 1::2], out=found[:, 1::2])
    return found


def needs(spans: Spans, footprint: Footprint, size: tuple[int, int]) -> Spans:
    """What of a source, a grid of `size`, the output positions in `spans` depend on: one rectangle for each."""
    match footprint:
        case Same():
            return spans
        case Everywhere():
            return _everything(len(spans), size)
        case Nothing():
            return _nothing(len(spans))
        case Place():
            return _under(spans, footprint)
        case Axes():
            lines = (footprint.rows, footprint.columns)
            return np.concatenate([_between(spans[:, 2 * axis : 2 * axis + 2], lines[axis]) for axis in (0, 1)], 1)


def _everything(count: int, size: tuple[int, int]) -> Spans:
    return np.array([[0, size[0], 0, size[1]]]).repeat(count, 0)


def _nothing(count: int) -> Spans:
    return np.array([[1 << 40, -1, 1 << 40, -1]]).repeat(count, 0)


def _between(spans: Spans, lines: NDArray[np.int64]) -> Spans:
    """Along one axis, `[N, 2]`: from the first to the last of the source's `lines`, `[2, n]`, that are depended on."""
    found = _nothing(len(spans))[:, :2]
    for position, (first, behind) in enumerate(spans.tolist()):
        used = lines[:, first:behind]
        used = used[:, used[1] > used[0]]
        if used.size:
            found[position] = used[0].min(), used[1].max()
    return found


def _under(spans: Spans, place: Place) -> Spans:
    """The inputs under the windows of the positions in `spans`, as far as they lie inside the frame."""
    window, (top, left) = place.window, (place.placed.top, place.placed.left)
    (down, across), (rows, columns), (apart_y, apart_x) = window.stride, window.kernel, window.dilation
    below, right = apart_y * (rows - 1) + 1 - down - top, apart_x * (columns - 1) + 1 - across - left
    found: Spans = spans * (down, down, across, across) + (-top, below, -left, right)
    np.maximum(found, 0, out=found)
    np.minimum(found, (place.height, place.height, place.width, place.width), out=found)
    return found
