"""Which query answers for which ground-truth mask: the cheapest assignment (Carion et al., DETR, ECCV 2020)."""

from __future__ import annotations

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional

ALPHA, GAMMA = 0.25, 2.0  # of the focal loss (Lin et al., ICCV 2017)
FOCAL_COST, DICE_COST = 20.0, 1.0
TINY = 1e-12


@torch.no_grad()
def match(
    class_logits: Tensor, mask_logits: Tensor, labels: list[Tensor], masks: list[Tensor], class_cost: float
) -> list[tuple[Tensor, Tensor]]:
    """For each image of a batch the matched queries and their targets, `[m]` each.

    class_logits `[B, Q, N + 1]`; mask_logits `[B, Q, h, w]`; labels: `[m]` an image; masks: bool `[m, h, w]`, at the
    size of the logits.
    """
    costs = []
    for classes, logits, label, mask in zip(class_logits, mask_logits, labels, masks, strict=True):
        cost = -class_cost * classes.float().softmax(-1)[:, label]
        flat, target = logits.float().flatten(1), mask.flatten(1).float()
        costs.append(cost + FOCAL_COST * _focal(flat, target) + DICE_COST * _dice(flat.sigmoid(), target))
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


def _dice(share: Tensor, target: Tensor) -> Tensor:
    """One minus twice the overlap by the sum of both, `[Q, m]`, with 1 added above and below."""
    overlap = 2 * share @ target.T
    return 1 - (overlap + 1) / (share.sum(1)[:, None] + target.sum(1)[None] + 1)


def resized(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Ground-truth masks, bool `[m, H, W]`, at another size: the nearest pixel."""
    if not len(masks):
        return masks.new_zeros((0, *size))
    return functional.interpolate(masks[None].float(), size, mode="nearest")[0] > 0.5
