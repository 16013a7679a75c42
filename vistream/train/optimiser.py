"""AdamW with a slower backbone and no decay of embeddings; warm-up, then a straight line to zero."""

from __future__ import annotations

import torch
from torch import nn

from vistream.train.config import OptimiserConfig, ScheduleConfig

UNDECAYED = ("query_embed", "query_feat", "level_embed")
BETAS = (0.9, 0.999)


def make_optimiser(network: nn.Module, config: OptimiserConfig, *, fused: bool) -> torch.optim.AdamW:
    """Every parameter once, in groups of one rate and decay."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        rate = config.rate * (config.backbone if name.startswith("backbone.") else 1.0)
        decay = 0.0 if any(part in name for part in UNDECAYED) else config.decay
        groups.setdefault((rate, decay), []).append(parameter)
    listed = [{"params": own, "lr": rate, "weight_decay": decay} for (rate, decay), own in groups.items()]
    return torch.optim.AdamW(listed, betas=BETAS, fused=fused)


def rate_factor(iteration: int, config: ScheduleConfig) -> float:
    """What the learning rates are multiplied with at an iteration, counted from 0.

    >>> schedule = ScheduleConfig(iterations=100, warmup=10, start=0.1)
    >>> [round(rate_factor(i, schedule), 3) for i in (0, 5, 10, 55, 100)]
    [0.1, 0.55, 1.0, 0.5, 0.0]
    >>> [rate_factor(i, ScheduleConfig(iterations=100, warmup=0, steps=(60, 80))) for i in (59, 60, 80)]
    [1.0, 0.1, 0.01]
    """
    if iteration < config.warmup:
        return config.start + (1 - config.start) * iteration / config.warmup
    if config.steps:
        return float(10.0 ** -sum(iteration >= step for step in config.steps))
    return max(config.iterations - iteration, 0) / max(config.iterations - config.warmup, 1)
