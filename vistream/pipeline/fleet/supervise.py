"""Who does which job, and what becomes of the jobs of workers that are lost: these are taken up again by resumption."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from vistream.pipeline.fleet.jobs import Job
from vistream.pipeline.fleet.worker import Status

log = logging.getLogger("vistream")

PATIENCE = 3
"""Workers that a job may lose one after the other without getting any further."""
CUT_OFF = 180.0
"""Seconds in which a worker that has lost its cluster ends."""


@dataclass(frozen=True, slots=True)
class Report:
    """What job `number` says of itself; its worker is gone where the state is final, or "lost"."""

    number: int
    status: Status


class Workers(Protocol):
    """Workers that do jobs: processes here, or actors of a cluster."""

    def start(self, number: int, job: Job, resume: bool) -> None:
        """Begin with a job, numbered by the caller."""

    def reports(self) -> list[Report]:
        """What there is to say, after a fraction of a second at the most."""

    def stop(self) -> None:
        """Ask all to end after the present frame; they report it."""


def supervise(
    jobs: Sequence[Job],
    workers: Workers,
    at_once: int,
    resume: bool,
    show: Callable[[Sequence[Status]], None],
    stopped: Callable[[], bool],
) -> list[Status]:
    """See all jobs through, `at_once` of them at a time; how each ended.

    `show` gets the state of all, often. Once `stopped()`, running jobs are asked to end, and no other is begun.
    """
    statuses = [Status() for _ in jobs]
    waiting = deque(range(len(jobs)))
    running: set[int] = set()
    losses = [(0, -1)] * len(jobs)  # of each job: how often it was lost since it got to so many frames
    again = [resume] * len(jobs)
    asked = False
    while running or waiting:
        if stopped() and not asked:
            asked = True
            statuses = [replace(s, state="stopped") if i in waiting else s for i, s in enumerate(statuses)]
            waiting.clear()
            workers.stop()
        while waiting and len(running) < at_once:
            number = waiting.popleft()
            # what a lost worker wrote may be replaced by the next one, which may be on another machine; but it may
            # be alive yet, cut off from us, and then holds its outputs until it notices
            lost = losses[number][0] > 0
            begun = replace(jobs[number], overwrite=True, patience=CUT_OFF) if lost else jobs[number]
            workers.start(number, begun, again[number])
            running.add(number)
        for report in workers.reports():
            number = report.number
            if report.status.state == "lost":
                frames = statuses[number].frames
                losses[number] = (losses[number][0] + 1 if frames <= losses[number][1] else 1, frames)
                again[number] = jobs[number].paths.jsonl is not None
                statuses[number] = _after_loss(jobs[number], statuses[number], losses[number][0], asked)
                if not statuses[number].final:
                    waiting.append(number)
            else:
                statuses[number] = report.status
            if report.status.final or report.status.state == "lost":
                running.discard(number)
        show(statuses)
    return statuses


def _after_loss(job: Job, status: Status, losses: int, asked: bool) -> Status:
    if asked:
        return replace(status, state="stopped")
    if losses >= PATIENCE:
        return replace(status, state="failed", error=f"its worker was lost {losses} times and got no further")
    how = "resumed by another" if job.paths.jsonl is not None else "begun again (with --jsonl it would be resumed)"
    log.warning("%s: its worker was lost: %s", job.name, how)
    return replace(status, state="waiting")
