"""Threads that share a layer: a job is cut into chunks, and whoever is free takes the next one.

Waking a sleeping thread takes longer than many a layer. So the helpers of a crew wait for work by looking for it for
some hundred microseconds before they go to sleep, and nobody waits for them: the thread that has the job works on it
too, and takes every chunk that no helper has taken. Who did what does not change any result.
"""

from __future__ import annotations

import atexit
import os
import threading
import time

import numpy as np

from vistream.engine.stream.crew_kernels import BOARD_WORDS, LOOKING, MOST_HELPERS, lead, rejoin, run_alone, work
from vistream.engine.stream.packing import Ints, aligned_zeros


class Crew:
    """The helpers of this process. One thread at a time can lead them; others meanwhile work alone."""

    def __init__(self) -> None:
        self._board: Ints = aligned_zeros(BOARD_WORDS, np.int64)
        self._leading = threading.Lock()
        self._asleep: list[threading.Event] = []
        self._threads: list[threading.Thread] = []
        self._ended = False
        atexit.register(self._end)

    def run(self, job: Ints, count: int, chunk: int, helpers: int, workspaces: Ints) -> int:
        """The sum of what the job's kernel returns over `count` items, in chunks of `chunk`; with up to `helpers`.

        `workspaces`: `[helpers + 1, words]`, one for each thread.
        """
        helpers = min(helpers, MOST_HELPERS)
        if helpers == 0 or count <= chunk or not self._leading.acquire(blocking=False):
            return int(run_alone(job, count, workspaces))
        try:
            self._call(helpers)
            return self._lead(job, count, chunk, helpers, workspaces)
        finally:
            self._leading.release()

    def _lead(self, job: Ints, count: int, chunk: int, helpers: int, workspaces: Ints) -> int:
        """An interruption (Ctrl-C) has to wait: until all is done, helpers use memory that the caller may give up."""
        interruption: BaseException | None = None
        total = -1
        try:
            total = int(lead(self._board, job, count, chunk, helpers, workspaces))
        except BaseException as error:
            interruption = error
        while total < 0:  # a helper was put aside by the system in the middle of a chunk
            try:
                time.sleep(0)
                total = int(rejoin(self._board))
            except BaseException as error:
                interruption = error
        if interruption is not None:
            raise interruption
        return total

    def _call(self, helpers: int) -> None:
        while len(self._asleep) < helpers:
            event = threading.Event()
            self._asleep.append(event)
            number = len(self._asleep)
            thread = threading.Thread(target=self._help, args=(number, event), name=f"vistream-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()
        for event in self._asleep[:helpers]:
            if not event.is_set():
                event.set()

    def _end(self) -> None:
        """Before the interpreter goes: no thread may come back from a kernel to find nothing to come back to."""
        self._ended = True
        for event in self._asleep:
            event.set()
        for thread in self._threads:
            thread.join(timeout=1.0)

    def _help(self, number: int, awake: threading.Event) -> None:
        while not self._ended:
            awake.wait()
            work(self._board, number, LOOKING)
            awake.clear()


_crews: dict[int, Crew] = {}


def crew() -> Crew:
    """The crew of this process; a forked child has its own."""
    process = os.getpid()
    if process not in _crews:
        _crews.clear()
        _crews[process] = Crew()
    return _crews[process]
