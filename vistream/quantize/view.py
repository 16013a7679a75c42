"""How a tensor of the float graph lies over a map of the integer network.

A map has rows, columns and channels and nothing else; a float network flattens, transposes, slices and splits.
Whatever only moves numbers is followed by moving their addresses: a *view* is an int64 tensor of the tensor's own shape
that holds, for each of its numbers, where in the map `[1, C, H, W]` it lies. No view (None): the tensor is the map.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

Grid = tuple[int, int, int]
"""Channels, rows and columns of a map."""

View = Tensor | None


def addresses(grid: Grid) -> Tensor:
    """The view that is the map itself."""
    channels, height, width = grid
    return torch.arange(channels * height * width).reshape(1, channels, height, width)


def normal(view: Tensor, grid: Grid) -> View:
    """None where the view is the map itself."""
    return None if view.shape == (1, *grid) and torch.equal(view, addresses(grid)) else view


def same_view(a: View, b: View) -> bool:
    """Whether two views of maps of one size are alike."""
    if a is None or b is None:
        return a is b
    return torch.equal(a, b)


def lies_by_channel(view: View, grid: Grid) -> bool:
    """Whether the last axis is the channels, at every position of the map in order: what `Linear` takes pointwise."""
    channels, height, width = grid
    if view is None or view.shape[-1] != channels or view.numel() != channels * height * width:
        return False
    expected = torch.arange(channels * height * width).reshape(channels, height * width).t()
    return torch.equal(view.reshape(height * width, channels), expected)


def by_channel(shape: tuple[int, ...], grid: Grid) -> View:
    """The view of that kind whose tensor has this shape."""
    channels, height, width = grid
    lying = torch.arange(channels * height * width).reshape(channels, height * width).t()
    return normal(lying.reshape(shape), grid)


def lifted(view: View, tensor: Tensor, grid: Grid) -> Tensor:
    """The map `[1, C, H, W]` under a tensor that shows all of it."""
    if view is None:
        return tensor
    flat = torch.zeros(grid[0] * grid[1] * grid[2], dtype=tensor.dtype)
    flat[view.reshape(-1)] = tensor.reshape(-1)
    return flat.reshape(1, *grid)


def seen(view: View, tensor: Tensor) -> Tensor:
    """The tensor that a view shows of a map."""
    return tensor if view is None else tensor.take(view)


def is_vector(view: View, grid: Grid) -> bool:
    """Whether the tensor is `[1, C]`, the channels of a map of one position."""
    return view is not None and grid[1:] == (1, 1) and view.shape == (1, grid[0]) and lies_by_channel(view, grid)


def channel_choice(view: View, grid: Grid) -> tuple[int, ...] | None:
    """Where the tensor is a map of some of the channels, in some order, each where it was: which; else None."""
    channels, height, width = grid
    if view is None:
        return tuple(range(channels))
    if view.dim() != 4 or view.shape[0] != 1 or view.shape[2:] != (height, width):
        return None
    chosen = view[0, :, 0, 0] // (height * width)
    expected = addresses(grid)[0, chosen]
    return tuple(chosen.tolist()) if torch.equal(view[0], expected) else None


def constant_by_channel(constant: Tensor, shape: tuple[int, ...], view: View, grid: Grid) -> Tensor | None:
    """The one number a channel, float32 `[C]`, that a constant is on a tensor of this shape; None where it varies, or
    where the shape is that of more than the map, which is spread over it."""
    channels, height, width = grid
    if math.prod(shape) != (channels * height * width if view is None else view.numel()):
        return None
    try:
        full = constant.to(torch.float32).expand(shape)
    except RuntimeError:
        return None
    if view is None and constant.dim() <= 4 and all(extent == 1 for extent in constant.shape[-2:]):
        return full[0, :, 0, 0].clone()
    if view is None:
        spread = full.reshape(channels, height * width)
    else:
        spread = torch.full((channels * height * width,), float("nan"))
        spread[view.reshape(-1)] = full.reshape(-1)
        spread = spread.reshape(channels, height * width)
        if bool(spread.isnan().any()):
            return None
    return spread[:, 0].clone() if bool((spread == spread[:, :1]).all()) else None
