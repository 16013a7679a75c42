"""How a change of a source reaches an operation's output, footprint by footprint, in plain torch."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vistream.ir.footprint import Axes, Everywhere, Footprint, Nothing, Place, Same


def spread(mask: Tensor, footprint: Footprint) -> Tensor:
    """The output positions that depend on a marked source position: bool, to be broadcast to the output's grid."""
    match footprint:
        case Same():
            return mask
        case Everywhere():
            return mask.any()
        case Nothing():
            return torch.zeros((), dtype=torch.bool)
        case Place():
            return _under_windows(mask, footprint)
        case Axes():
            return _in_rectangles(mask, footprint)


def _under_windows(mask: Tensor, place: Place) -> Tensor:
    if place.window.pointwise:
        return mask
    window, placed = place.window, place.placed
    padded = F.pad(mask[None, None].to(torch.float32), (placed.left, placed.right, placed.top, placed.bottom))
    return F.max_pool2d(padded, window.kernel, window.stride, 0, window.dilation)[0, 0] > 0


def _in_rectangles(mask: Tensor, axes: Axes) -> Tensor:
    """By sums over all that lies above and to the left."""
    total = F.pad(mask.to(torch.int32).cumsum(0, dtype=torch.int32).cumsum(1, dtype=torch.int32), (1, 0, 1, 0))
    rows, columns = (torch.from_numpy(lines) for lines in (axes.rows, axes.columns))
    lines = total[rows[1]] - total[rows[0]]
    return (lines[:, columns[1]] - lines[:, columns[0]]) > 0
