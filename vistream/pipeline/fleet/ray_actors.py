"""Workers as actors of a Ray cluster, one a stream; sources and outputs must be where every machine finds them.

Ray comes with the extra `cluster`. Without an address it runs on this machine alone.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from vistream.errors import VistreamError
from vistream.pipeline.fleet.jobs import Job
from vistream.pipeline.fleet.supervise import Report
from vistream.pipeline.fleet.worker import Status, limit_threads, work
from vistream.pipeline.recording import Recording

POLL = 0.2  # seconds


class Streamer:
    """What runs inside an actor: `run` in one of its threads, the other methods in another."""

    def __init__(self, threads: int) -> None:
        limit_threads(threads)
        self._status = Status()
        self._recording: Recording | None = None
        self._asked = False

    def run(self, job: Job, resume: bool) -> Status:
        return work(job, resume, self._say, self._ready)

    def status(self) -> Status:
        return self._status

    def stop(self) -> None:
        self._asked = True
        if self._recording is not None:
            self._recording.stop()

    def _say(self, status: Status) -> None:
        self._status = status

    def _ready(self, recording: Recording) -> None:
        self._recording = recording
        if self._asked:
            recording.stop()


@dataclass(frozen=True, slots=True)
class _Running:
    number: int
    actor: Any  # Ray's handles have no types
    result: Any


class RayActors:
    """See `supervise.Workers`. `address`: of the cluster; None: a private one on this machine.

    Raises VistreamError where Ray is not installed, or the cluster can't be reached.
    """

    def __init__(self, threads: int, address: str | None = None) -> None:
        try:
            ray: Any = importlib.import_module("ray")  # it may be absent, and its types would change with that
        except ImportError:
            raise VistreamError("Ray is not installed: pip install 'vistream[cluster]'") from None
        self._ray, self._threads = ray, threads
        self._running: list[_Running] = []
        try:
            if not ray.is_initialized():
                ray.init(address=address, log_to_driver=False, include_dashboard=False, logging_level="ERROR")
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = (str(error).splitlines() or [""])[0]
            raise VistreamError(f"the Ray cluster {address or 'here'} can't be used: {reason}") from None
        self._actor = ray.remote(num_cpus=threads, max_restarts=0, max_concurrency=2)(Streamer)

    def start(self, number: int, job: Job, resume: bool) -> None:
        actor = self._actor.remote(self._threads)
        self._running.append(_Running(number, actor, actor.run.remote(job, resume)))

    def reports(self) -> list[Report]:
        results = {one.result: one for one in self._running}
        done, _ = self._ray.wait(list(results), num_returns=len(results), timeout=POLL) if results else ([], [])
        found = []
        for one in list(self._running):
            call = one.result if one.result in done else one.actor.status.remote()
            try:
                status: Status = self._ray.get(call, timeout=None if one.result in done else POLL)
            except self._ray.exceptions.GetTimeoutError:  # still importing, or waiting for a place
                continue
            except self._ray.exceptions.RayError:
                status = Status("lost")
            found.append(Report(one.number, status))
            if status.final or status.state == "lost":
                self._running.remove(one)
                self._ray.kill(one.actor)
        return found

    def stop(self) -> None:
        for one in self._running:
            one.actor.stop.remote()
