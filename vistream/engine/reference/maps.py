"""Maps as torch wants them: channels first, with what lies around them."""

from __future__ import annotations

import torch
from torch import Tensor

from vistream.ir.window import Window


def channels_first(held: Tensor) -> Tensor:
    """`[H, W, C]` as `[1, C, H, W]`."""
    return held.permute(2, 0, 1)[None]


def channels_last(planes: Tensor) -> Tensor:
    """`[1, C, H, W]` as `[H, W, C]`."""
    return planes[0].permute(1, 2, 0)


def surrounded(held: Tensor, window: Window, around: Tensor) -> Tensor:
    """`[H, W, C]` as `[1, C, H, W]` with the window's padding, which holds `around` `[C]`."""
    height, width, channels = held.shape
    placed = window.place(height, width)
    size = (height + placed.top + placed.bottom, width + placed.left + placed.right, channels)
    whole = around.to(held.dtype).expand(size).clone()
    whole[placed.top : placed.top + height, placed.left : placed.left + width] = held
    return channels_first(whole).contiguous(memory_format=torch.contiguous_format)
