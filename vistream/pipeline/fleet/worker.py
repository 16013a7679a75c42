"""What one worker does with one job, wherever it runs: track the source, write its files, and say how it is going."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from vistream.errors import told
from vistream.pipeline.fleet.jobs import Job
from vistream.pipeline.recording import Finished, Recording
from vistream.storage.lock import OutputHeld

INTERVAL = 0.5  # seconds between reports


@dataclass(frozen=True, slots=True)
class Status:
    """How a job is going. `state`: waiting, running, reconnecting, done, stopped, lost or failed, as `error` says."""

    state: str = "waiting"
    frames: int = 0
    total: int | None = None
    fps: float = 0.0
    tracks: int = 0
    share: float = 0.0
    live: bool = False
    lag: float = 0.0
    dropped: int = 0
    error: str = ""
    pid: int = 0

    @property
    def final(self) -> bool:
        return self.state in ("done", "stopped", "failed")


def limit_threads(threads: int) -> None:
    """Keep the libraries of this process to so many threads; results do not depend on it."""
    import cv2
    import torch

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)


def work(job: Job, resume: bool, say: Callable[[Status], None], ready: Callable[[Recording], None]) -> Status:
    """Do a job; returns how it ended. `say` is told about it now and then, `ready` is given what can be stopped."""
    try:
        with _recording(job, resume) as recording:
            ready(recording)
            due = 0.0
            for _ in recording:
                if time.monotonic() >= due:
                    say(_status(recording, "running"))
                    due = time.monotonic() + INTERVAL
        return _status(recording, "stopped" if recording.run.source.health.stopped else "done")
    except Finished:
        return Status("done", pid=os.getpid())
    except Exception as error:  # a fault of ours in one job must not end the others; it is told where it is seen
        line = told(error)
        if line is None:
            logging.getLogger("vistream").exception("%s failed", job.name)
        return Status("failed", error=line or f"{type(error).__name__}: {error}", pid=os.getpid())


def _recording(job: Job, resume: bool) -> Recording:
    """Opened as soon as no other worker holds its outputs, if the job has the patience."""
    deadline = time.monotonic() + job.patience
    while True:
        try:
            return Recording(job.source, job.settings, job.paths, resume=resume, overwrite=job.overwrite)
        except OutputHeld:
            if time.monotonic() >= deadline:
                raise
            time.sleep(min(1.0, job.patience))


def _status(recording: Recording, state: str) -> Status:
    totals, run = recording.totals, recording.run
    health = run.source.health
    return Status(
        "reconnecting" if state == "running" and not health.connected else state,
        totals.frames,
        run.frame_count,
        totals.fps,
        len(totals.ids),
        totals.share,
        run.source.live,
        health.lag,
        health.dropped,
        pid=os.getpid(),
    )
