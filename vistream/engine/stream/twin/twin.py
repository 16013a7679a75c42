"""What a twin is: an operation at a known size, computed at the positions that one lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.engine.stream.plan import LayerPlan

EIGHT = 8  # bytes that are compared at once


class Twin:
    """One operation of a plan. `macs`: the multiply-accumulates of the last `update`."""

    def __init__(self, plan: LayerPlan) -> None:
        self.plan = plan
        self.macs = 0

    def rows(self, sources: Sequence[Tensor], index: Tensor) -> Tensor:
        """The numbers that the operation gives at the positions `index`: `[n, C]`."""
        raise NotImplementedError

    def update(self, sources: Sequence[Tensor], index: Tensor, output: Tensor, hysteresis: int) -> tuple[Tensor, int]:
        """Write them into `output`, `[H, W, C]`: which positions changed, bool `[n]`, and how many numbers did."""
        self.macs = len(index) * self.plan.macs
        return store(output, index, self.rows(sources, index))

    def state_dict(self) -> dict[str, NDArray[np.generic]]:
        """Copies of all that it keeps from call to call."""
        return {}

    def load_state_dict(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Go on from what another twin of this plan kept."""


def store(output: Tensor, index: Tensor, new: Tensor) -> tuple[Tensor, int]:
    """Write rows `[n, C]` into `output`, `[H, W, C]`; returns what `Twin.update` does."""
    differs = np.not_equal(new.numpy(), at(output, index).numpy())  # NumPy counts and reduces bytes many at a time
    changes = int(np.count_nonzero(differs))
    if changes:
        rows = output.flatten(0, 1)
        if len(index) == len(rows):
            rows.copy_(new)
        else:
            rows.index_copy_(0, index, new)
    return torch.from_numpy(differs.any(1)), changes


def differing_rows(left: Tensor, right: Tensor) -> Tensor:
    """Of two maps `[n, C]` of one type, the rows in which any number differs: bool `[n]`."""
    a, b = left.numpy(), right.numpy()
    if a.itemsize == 1 and a.shape[1] % EIGHT == 0 and a.strides[1] == b.strides[1] == 1:
        a, b = a.view(np.int64), b.view(np.int64)
    return torch.from_numpy((a != b).any(1))


def at(source: Tensor, index: Tensor) -> Tensor:
    """The rows of `[H, W, C]` at flat positions, ascending: `[n, C]`; all of them as they lie in memory."""
    rows = source.flatten(0, 1)
    return rows if len(index) == len(rows) else rows.index_select(0, index)


def padded(source: Tensor, edges: tuple[int, int, int, int], fill: Tensor | int) -> Tensor:
    """`[H, W, C]` with rows (top, bottom) and columns (left, right) of `fill` around it, a number or `[C]`."""
    top, bottom, left, right = edges
    if not any(edges):
        return source
    height, width, channels = source.shape
    around = torch.empty((height + top + bottom, width + left + right, channels), dtype=source.dtype)
    around[:] = fill
    around[top : top + height, left : left + width] = source
    return around
