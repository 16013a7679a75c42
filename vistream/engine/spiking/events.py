"""Events: what populations send one another, stored by the positions that have any."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Events(NamedTuple):
    """At `positions` (int64 `[n]` in a flattened `[H * W]` grid, each once), integers `values` `[n, C]`.

    Spikes are -1, 0 or 1 (int8); differences of pixels or of pooled levels are larger (int16).
    """

    positions: Tensor
    values: Tensor

    def __len__(self) -> int:
        return len(self.positions)


def gather(values: Tensor, positions: Tensor | None = None) -> Events:
    """The events of `values` `[n, C]`, int8 or int16, rows of the grid at `positions` (default: the whole grid)."""
    rows = occupied(values)
    return Events(rows if positions is None else positions[rows], values[rows])


def occupied(values: Tensor) -> Tensor:
    """The rows of integer `values` `[n, C]` that are not all zero, int64."""
    # extremes by row: `any` does the same twenty times slower
    return ((values.amax(1) != 0) | (values.amin(1) != 0)).nonzero()[:, 0]
