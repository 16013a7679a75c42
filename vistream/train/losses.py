"""What training makes small: classes and masks of every row of queries, each against the masks it was matched with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from vistream.models.classes import VOID
from vistream.models.spike2former.head import Predictions
from vistream.models.spike2former.segments import INSTANCE
from vistream.train.config import LossConfig
from vistream.train.matching import ALPHA, GAMMA, match, resized
from vistream.train.points import uncertain, values_at


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """Weighted, a mean over the rows: what is shown. `total` is the sum over the rows: what is made small."""

    total: Tensor
    classes: Tensor
    masks: Tensor
    dice: Tensor


def targets(labels: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Of label maps `[B, H, W]`: for each image the classes, or things, that are there, and their masks `[m, H, W]`.

    Void pixels are in no mask, so they count as outside of every one.
    """
    labels = labels.long()
    found = [label.unique() for label in labels]
    found = [there[there != VOID] for there in found]
    masks = [label[None] == there.view(-1, 1, 1) for label, there in zip(labels, found, strict=True)]
    return [there % INSTANCE for there in found], masks


def losses(
    rows: Sequence[Predictions],
    labels: Tensor,
    config: LossConfig,
    processes: int = 1,
    generator: torch.Generator | None = None,
) -> Losses:
    """Of all rows of queries for a batch; `labels` `[B, H, W]`, see `pairs.Labels`.

    `processes`: that share the batch. `generator`: draws the points at which masks are compared, where they are.
    """
    classes, masks = targets(labels)
    count = torch.tensor(float(sum(len(there) for there in classes)), device=labels.device)
    count = _mean(count, processes).clamp(min=1)
    size = (rows[0].masks.shape[2], rows[0].masks.shape[3])
    compared = masks if config.points else [resized(mask, size) for mask in masks]
    parts = [_row(row, classes, masks, compared, count, config, processes, generator) for row in rows]
    kinds = [torch.stack([part[kind] for part in parts]) for kind in range(3)]
    total = torch.stack([kind.sum() for kind in kinds]).sum()
    return Losses(total, *(kind.mean().detach() for kind in kinds))


def _mean(value: Tensor, processes: int) -> Tensor:
    """Over all processes: gradients are means over them, so that losses are those of the whole batch."""
    if processes == 1:
        return value
    total = value.clone()
    torch.distributed.all_reduce(total)
    return total / processes


def _row(
    row: Predictions,
    classes: list[Tensor],
    masks: list[Tensor],
    compared: list[Tensor],
    count: Tensor,
    config: LossConfig,
    processes: int,
    generator: torch.Generator | None,
) -> tuple[Tensor, Tensor, Tensor]:
    none = row.classes.shape[2] - 1
    pairs = match(row.classes, row.masks, classes, compared, config, generator)
    wanted = torch.full(row.classes.shape[:2], none, dtype=torch.int64, device=row.classes.device)
    for image, (query, target) in enumerate(pairs):
        wanted[image, query] = classes[image][target]
    weight = torch.ones(none + 1, device=row.classes.device)
    weight[none] = config.no_object
    crossed = functional.cross_entropy(row.classes.float().transpose(1, 2), wanted, weight, reduction="sum")
    of_classes = crossed / _mean(weight[wanted].sum(), processes)
    logits = torch.cat([row.masks[image, query] for image, (query, _) in enumerate(pairs)])
    target = torch.cat([masks[image][target] for image, (_, target) in enumerate(pairs)]).float()
    if not len(logits):
        nothing = row.masks.float().sum() * 0
        return config.classes * of_classes, nothing, nothing
    if config.points:
        points = uncertain(logits.float(), config.points, generator)
        of_masks, dice = point_losses(values_at(logits.float(), points), values_at(target, points))
    else:
        logits = functional.interpolate(logits[:, None].float(), target.shape[1:], mode="bilinear", align_corners=False)
        of_masks, dice = mask_losses(logits[:, 0].flatten(1), target.flatten(1))
    return config.classes * of_classes, config.masks * of_masks.sum() / count, config.dice * dice.sum() / count


def mask_losses(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Focal loss (a mean over the pixels) and dice loss of each mask, `[m]` each; logits and target `[m, P]`."""
    share = logits.sigmoid()
    crossed = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    wrong = share * (1 - target) + (1 - share) * target
    focal = (crossed * (ALPHA * target + (1 - ALPHA) * (1 - target)) * wrong.pow(GAMMA)).mean(1)
    return focal, _dice(share, target)


def point_losses(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Cross entropy (a mean over the points) and dice loss of each mask, `[m]` each; logits and target `[m, P]`."""
    crossed = functional.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(1)
    return crossed, _dice(logits.sigmoid(), target)


def _dice(share: Tensor, target: Tensor) -> Tensor:
    return 1 - (2 * (share * target).sum(1) + 1) / (share.sum(1) + target.sum(1) + 1)
