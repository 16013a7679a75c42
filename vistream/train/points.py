"""Masks compared at sampled points instead of at every pixel (Kirillov et al., PointRend, CVPR 2020).

A point is x and y in 0..1 of the picture, so that masks of different sizes are read at the same places.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

OVERSAMPLED = 3  # times as many are drawn as are wanted, to choose from
IMPORTANT = 0.75  # of the wanted ones, where the network is least sure; the others lie anywhere


def anywhere(maps: int, count: int, like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Points `[maps, count, 2]`, uniform, on the device of `like`."""
    return torch.rand(maps, count, 2, device=like.device, generator=generator)


def values_at(maps: Tensor, points: Tensor) -> Tensor:
    """Of maps `[m, H, W]` at points `[m or 1, P, 2]`, bilinear, 0 outside: `[m, P]`."""
    if not len(maps):
        return maps.new_zeros(0, points.shape[1])
    grid = (2 * points - 1).expand(len(maps), -1, -1)[:, None]
    return functional.grid_sample(maps[:, None], grid, "bilinear", "zeros", align_corners=False)[:, 0, 0]


@torch.no_grad()
def uncertain(logits: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    """Points `[m, count, 2]` for masks `[m, h, w]`: most of them where the logit is near 0."""
    drawn = anywhere(len(logits), OVERSAMPLED * count, logits, generator)
    best = int(IMPORTANT * count)
    chosen = (-values_at(logits, drawn).abs()).topk(best, dim=1).indices
    sure = torch.gather(drawn, 1, chosen[..., None].expand(-1, -1, 2))
    return torch.cat([sure, anywhere(len(logits), count - best, logits, generator)], dim=1)
