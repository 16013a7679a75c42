"""The arithmetic of sampling between positions, in one order, float32, that every executor shares.

    sample(y, x) = ((v00 * (1 - fx) + v01 * fx) * (1 - fy)) + ((v10 * (1 - fx) + v11 * fx) * fy)

`v00` is the number at (floor y, floor x), `fy` and `fx` are what is left; outside the map there are zeros.
"""

from __future__ import annotations

import torch
from torch import Tensor


def sample(values: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """`values` float32 `[H, W, G, D]` at points `y`, `x`, float32 `[n, G]`, each in its own group: `[n, G, D]`."""
    top, left = torch.floor(y), torch.floor(x)
    fy, fx = (y - top)[:, :, None], (x - left)[:, :, None]
    upper = _at(values, top, left) * (1.0 - fx) + _at(values, top, left + 1.0) * fx
    lower = _at(values, top + 1.0, left) * (1.0 - fx) + _at(values, top + 1.0, left + 1.0) * fx
    return upper * (1.0 - fy) + lower * fy


def _at(values: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    height, width, groups, _ = values.shape
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    row = torch.where(inside, rows, 0.0).to(torch.int64)
    column = torch.where(inside, columns, 0.0).to(torch.int64)
    found = values[row, column, torch.arange(groups)]
    return torch.where(inside[:, :, None], found, 0.0)
