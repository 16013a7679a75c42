"""What `vistream train` does, once its options are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import typer

from vistream.errors import VistreamError
from vistream.train.config import TrainConfig, read_config
from vistream.train.processes import joined
from vistream.train.run import BEST, STATE, Start, train


def run_training(
    spec: str,
    task: str,
    data: Path,
    output: Path,
    device: str,
    start: Start,
    iterations: int | None,
    *,
    quiet: bool,
) -> None:
    """Train, and say how it goes."""
    if task != "semseg":
        raise VistreamError(f"--task {task}: only semseg can be trained")
    if start.weights is not None and start.backbone is not None:
        raise VistreamError("--weights holds a backbone already: leave --backbone out")
    config = read_config(spec)
    if iterations is not None:
        config = _shortened(config, iterations)
    output.mkdir(parents=True, exist_ok=True)
    if (output / STATE).exists() and not start.resume:
        raise VistreamError(f"{output} holds a run already: go on with --resume, or take another --output")
    with joined(device) as processes:
        heard = processes.first and not quiet
        best = train(config, data, output, start, processes, typer.echo if heard else lambda _: None)
        if heard and best is not None:
            typer.echo(f"best mIoU {best:.3f}: {output / BEST}")


def _shortened(config: TrainConfig, iterations: int) -> TrainConfig:
    schedule = config.schedule
    warmup = min(schedule.warmup, iterations // 10)
    return replace(config, schedule=replace(schedule, iterations=iterations, warmup=warmup))
