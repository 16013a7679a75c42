"""Which query answers for which ground-truth mask: the cheapest assignment (Carion et al., DETR, ECCV 2020)."""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional

from vistream.train.config import LossConfig
from vistream.train.points import anywhere, values_at

ALPHA, GAMMA = 0.25, 2.0  # of the focal loss (Lin et al., ICCV 2017)
TINY = 1e-12


@torch.no_grad()
def match(
    class_logits: Tensor,
    mask_logits: Tensor,
    labels: list[Tensor],
    masks: list[Tensor],
    config: LossConfig,
    generator: torch.Generator | None = None,
) -> list[tuple[Tensor, Tensor]]:
    """For each image of a batch the matched queries and their targets, `[m]` each.

    class_logits `[B, Q, N + 1]`; mask_logits `[B, Q, h, w]`; labels: `[m]` an image; masks: bool `[m, H, W]`, at the
    size of the logits unless they are compared at points, which `generator` draws.
    """
    costs = []
    for classes, logits, label, mask in zip(class_logits, mask_logits, labels, masks, strict=True):
        cost = -config.cost_classes * classes.float().softmax(-1)[:, label]
        if config.points:
            places = anywhere(1, config.points, logits, generator)
            given, target = values_at(logits.float(), places), values_at(mask.float(), places)
            of_masks = _entropy(given, target)
        else:
            given, target = logits.float().flatten(1), mask.flatten(1).float()
            of_masks = _focal(given, target)
        costs.append(cost + config.cost_masks * of_masks + config.cost_dice * _dice(given.sigmoid(), target))
    found = [linear_sum_assignment(cost) for cost in _on_cpu(costs)]
    device = class_logits.device
    return [(torch.as_tensor(q, device=device), torch.as_tensor(t, device=device)) for q, t in found]


def _on_cpu(costs: list[Tensor]) -> list[Tensor]:
    """All in one transfer."""
    sizes = [cost.shape for cost in costs]
    flat = torch.cat([cost.flatten() for cost in costs]).cpu()
    parts = torch.split(flat, [height * width for height, width in sizes])
    return [part.view(size) for part, size in zip(parts, sizes, strict=True)]


def _focal(logits: Tensor, target: Tensor) -> Tensor:
    """`[Q, P]` and `[m, P]` to `[Q, m]`, a mean over the pixels."""
    share = logits.sigmoid()
    inside = -(share + TINY).log() * ALPHA * (1 - share).pow(GAMMA)
    outside = -(1 - share + TINY).log() * (1 - ALPHA) * share.pow(GAMMA)
    return (inside @ target.T + outside @ (1 - target).T) / logits.shape[1]


def _entropy(logits: Tensor, target: Tensor) -> Tensor:
    """The same of the plain cross entropy."""
    inside, outside = functional.softplus(-logits), functional.softplus(logits)
    return (inside @ target.T + outside @ (1 - target).T) / logits.shape[1]


def _dice(share: Tensor, target: Tensor) -> Tensor:
    """One minus twice the overlap by the sum of both, `[Q, m]`, with 1 added above and below."""
    overlap = 2 * share @ target.T
    return 1 - (overlap + 1) / (share.sum(1)[:, None] + target.sum(1)[None] + 1)


def resized(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Ground-truth masks, bool `[m, H, W]`, at another size: the nearest pixel."""
    if not len(masks):
        return masks.new_zeros((0, *size))
    return functional.interpolate(masks[None].float(), size, mode="nearest")[0] > 0.5
