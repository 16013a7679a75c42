"""What `vistream train` does, once its options are known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import typer

from vistream.cli.signals import interruptible
from vistream.errors import VistreamError
from vistream.train.config import TrainConfig, read_config
from vistream.train.processes import joined
from vistream.train.run import BEST, STATE, Start, train


@dataclass(frozen=True, slots=True)
class Changes:
    """What the command line says instead of the configuration, or None."""

    iterations: int | None = None
    workers: int | None = None

    def made(self, config: TrainConfig) -> TrainConfig:
        schedule = config.schedule
        if self.iterations is not None:
            warmup = min(schedule.warmup, self.iterations // 10)
            schedule = replace(schedule, iterations=self.iterations, warmup=warmup)
        if self.workers is not None:
            schedule = replace(schedule, workers=self.workers)
        return replace(config, schedule=schedule)


def run_training(
    spec: str,
    task: str | None,
    data: Path,
    output: Path,
    device: str,
    start: Start,
    changes: Changes,
    *,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Train, and say how it goes."""
    if start.weights is not None and start.backbone is not None:
        raise VistreamError("--weights holds a backbone already: leave --backbone out")
    config = changes.made(read_config(spec))
    if task not in (None, config.task):
        raise VistreamError(f"--task {task}: {spec} trains for {config.task}")
    if (output / STATE).exists() and not (start.resume or overwrite):
        raise VistreamError(f"{output} holds a run already: go on with --resume, or take another --output")
    with joined(device) as processes, interruptible(lambda: None) as ask:
        heard = processes.first and not quiet
        told = typer.echo if heard else lambda _: None
        best = train(
            config, data, output, start, processes, told, overwrite=overwrite, stopped=lambda: bool(ask.number)
        )
        if heard and best is not None:
            typer.echo(f"best {config.measure} {best:.3f}: {output / BEST}")
    if ask.number:
        raise typer.Exit(128 + ask.number)
