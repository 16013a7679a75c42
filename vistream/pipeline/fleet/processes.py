"""Workers as processes of this machine, one a job: what one does, holds or dies of is its own."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import FrameType

from vistream.pipeline.fleet.jobs import Job
from vistream.pipeline.fleet.supervise import Report
from vistream.pipeline.fleet.worker import Status, limit_threads, work
from vistream.pipeline.recording import Recording

log = logging.getLogger("vistream")

POLL = 0.2  # seconds
STOP = "stop"


class Processes:
    """See `supervise.Workers`. `threads`: of each process."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._context = multiprocessing.get_context("spawn")  # a fork would share the threads of the libraries
        self._running: dict[Connection, tuple[int, SpawnProcess]] = {}

    def start(self, number: int, job: Job, resume: bool) -> None:
        ours, theirs = self._context.Pipe()
        arguments = (job, resume, self._threads, log.level, theirs)
        process = self._context.Process(target=_main, args=arguments, name=job.name, daemon=True)
        with _without_interrupts():
            process.start()
        theirs.close()
        self._running[ours] = (number, process)

    def reports(self) -> list[Report]:
        found = []
        for ready in wait(list(self._running), POLL):
            assert isinstance(ready, Connection)
            number, process = self._running[ready]
            try:
                said = ready.recv()
            except (EOFError, OSError):
                said = Status("lost")
            if isinstance(said, tuple):
                level, text = said
                log.log(level, "%s", text)
                continue
            found.append(Report(number, said))
            if said.final or said.state == "lost":
                del self._running[ready]
                process.join()
                ready.close()
        return found

    def stop(self) -> None:
        for ours in self._running:
            with suppress(OSError):  # it has ended meanwhile
                ours.send(STOP)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Ctrl-C reaches all processes of a terminal: what is started within never hears of it, and we a moment later."""
    if not hasattr(signal, "pthread_sigmask"):  # on Windows a worker is deaf once it runs, see `_main`
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Sender(logging.Handler):
    """Sends statuses, and what is logged, to the process that shows it; a pipe bears one writer at a time."""

    def __init__(self, job: Job, answer: Connection) -> None:
        super().__init__()
        self._job, self._answer = job, answer
        self._sending = threading.Lock()

    def send(self, said: Status | tuple[int, str]) -> None:
        """Raises OSError where nobody is there any more. May be called from any thread."""
        with self._sending:
            self._answer.send(said)

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # nobody is there to be told
            self.send((record.levelno, self._job.about(record.getMessage())))


def _main(job: Job, resume: bool, threads: int, level: int, answer: Connection) -> None:
    """What a worker process does. Ctrl-C reaches all processes of a terminal, but only the first one's word counts.

    That comes through the pipe, which works on every system; the end of the pipe says that the first process is gone.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sender = _Sender(job, answer)
    log.handlers, log.propagate = [sender], False
    log.setLevel(max(level, logging.WARNING))
    limit_threads(threads)
    recording: list[Recording] = []
    asked: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        for one in recording:
            one.stop()

    def ready(one: Recording) -> None:
        recording.append(one)
        if asked:
            one.stop()

    def say(status: Status) -> None:
        try:
            sender.send(status)
        except OSError:  # whoever started this is gone: come to an end, and leave what can be resumed
            stop(signal.SIGTERM, None)

    def listen() -> None:
        with suppress(EOFError, OSError):
            answer.recv()
        stop(signal.SIGTERM, None)

    signal.signal(signal.SIGTERM, stop)
    threading.Thread(target=listen, daemon=True).start()
    say(work(job, resume, say, ready))
