"""`vistream track` of several sources: one table while they run, and one at the end."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import typer
from rich.live import Live
from rich.table import Table

from vistream.cli.console import PlainConsole
from vistream.cli.signals import interruptible
from vistream.errors import VistreamError
from vistream.machine import cores
from vistream.pipeline.fleet.jobs import Job, plan
from vistream.pipeline.fleet.processes import Processes
from vistream.pipeline.fleet.ray_actors import RayActors
from vistream.pipeline.fleet.supervise import Workers, supervise
from vistream.pipeline.fleet.worker import Status
from vistream.pipeline.observe import resolved_detector
from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.settings import Settings

log = logging.getLogger("vistream")


def track_many(
    sources: Sequence[str],
    settings: Settings,
    paths: OutputPaths,
    *,
    jobs: int | None,
    cluster: str | None,
    resume: bool,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Track every source by a worker of its own, `jobs` at a time, and say what came of each."""
    made = settings.detections is not None or settings.init_poses is not None
    settings = replace(settings, detector=resolved_detector(settings.task, settings.detector, made))
    plans = plan(sources, settings, paths, overwrite)
    live = all("://" in source or source.isdecimal() for source in sources)
    at_once = min(len(plans), jobs or (len(plans) if live or cluster else cores()))
    threads = 1 if cluster else max(1, cores() // at_once)
    workers: Workers = Processes(threads) if cluster is None else RayActors(threads, _address(cluster))
    with (
        Live(console=PlainConsole(stderr=True, quiet=quiet), transient=True, refresh_per_second=4) as screen,
        interruptible(lambda: None) as ask,
    ):
        statuses = supervise(
            plans,
            workers,
            at_once,
            resume,
            lambda now: screen.update(_table(plans, now)),
            lambda: ask.number > 0,
        )
    for job, status in zip(plans, statuses, strict=True):
        if status.error:
            log.error("%s: %s", job.name, status.error)
    PlainConsole(quiet=quiet).print(_table(plans, statuses))
    if ask.number:
        raise typer.Exit(128 + ask.number)
    failed = sum(status.state == "failed" for status in statuses)
    if failed:
        raise VistreamError(f"{failed} of {len(plans)} sources failed")


def _address(cluster: str) -> str | None:
    """Of `ray` (a private one, here), `ray:auto` or `ray://HOST:PORT`."""
    if cluster == "ray":
        return None
    if not cluster.startswith("ray:"):
        raise VistreamError(f"--cluster is {cluster!r}: it is ray, ray:auto or ray://HOST:PORT")
    return cluster if cluster.startswith("ray://") else cluster.removeprefix("ray:")


def _table(jobs: Sequence[Job], statuses: Sequence[Status]) -> Table:
    table = Table("source", "state", "frames", "fps", "tracks", "of dense work")
    live = any(status.live for status in statuses)
    if live:
        table.add_column("lag")
        table.add_column("dropped")
    for job, status in zip(jobs, statuses, strict=True):
        frames = str(status.frames) if status.total is None else f"{status.frames} / {status.total}"
        row = [job.name, status.state, frames, f"{status.fps:.1f}", str(status.tracks), f"{100 * status.share:.0f} %"]
        if live:
            row += [f"{status.lag:.1f} s", str(status.dropped)] if status.live else ["", ""]
        table.add_row(*row)
    return table
