"""What overlaps with the computing of a frame, in threads: reading the next frames, drawing and encoding the last ones.

Order and results are those of one thread; queues are short, so memory is flat; an error surfaces where the frame it
belongs to would have been asked for, or at the next one. Where the memory is too short to wait with (a lock is
allocated for it), the error is the caller's too: a thread of this file waits for work in a queue that needs none.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from vistream.media.video.frames import Source, SourceFrame
from vistream.stages import Stages
from vistream.threads import end_with_program
from vistream.types import Frame

AHEAD = 3  # frames, with the one at work: more would hide no more time, and hold more memory

Job = Callable[[], None]


class ReadAhead:
    """The frames of a source, read a little ahead of who asks; those of a live source when they are asked for.

    `prepare` is called with the picture of each that is read ahead. Close it before the source.
    """

    def __init__(self, source: Source, stages: Stages, prepare: Callable[[Frame], None] | None = None) -> None:
        self._source, self._stages, self._prepare = source, stages, prepare
        self._queue: queue.SimpleQueue[SourceFrame | BaseException] = queue.SimpleQueue()
        self._room = threading.Semaphore(AHEAD)
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._over: BaseException | None = None

    @property
    def live(self) -> bool:
        """Whether frames come when they please, and are read when they are asked for."""
        return self._source.live

    @property
    def stopped(self) -> bool:
        """Whether no more frames are wanted."""
        return self._source.health.stopped or self._closing.is_set()

    def __iter__(self) -> ReadAhead:
        return self

    def __next__(self) -> SourceFrame:
        """As the source's."""
        if self._source.live:
            with self._stages.of("reading"):
                return next(self._source)
        if self.stopped:
            raise StopIteration
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, name="reading", daemon=True)
            end_with_program(self._thread, self._stop)
            self._thread.start()
        found = self._over or self._queue.get()
        if isinstance(found, BaseException):
            self._over = found
            raise found
        self._room.release()
        return found

    def close(self) -> None:
        """Read no more; who waits for a frame in another thread is told that there is none."""
        self._stop()
        if self._thread is not None:
            self._thread.join()
        with suppress(queue.Empty):
            while True:  # it may have left some
                self._queue.get_nowait()
        self._queue.put(StopIteration())

    def _stop(self) -> None:
        self._closing.set()
        self._room.release()  # it may be waiting for room
        self._queue.put(StopIteration())

    def _read(self) -> None:
        found: SourceFrame | BaseException
        while True:
            try:
                self._room.acquire()
                if self._closing.is_set():
                    return
                with self._stages.of("reading"):
                    found = frame = next(self._source)
                    if self._prepare is not None:
                        self._prepare(frame.image)
            except BaseException as error:
                found = error
            self._queue.put(found)
            if isinstance(found, BaseException):
                return


class Behind:
    """Does jobs one after the other in a thread, a few behind the one thread that gives them.

    As a context manager it does what was given before it ends, and raises what a job raised. After a job that failed no
    other is done.
    """

    def __init__(self, name: str) -> None:
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(AHEAD)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        end_with_program(self._thread, self._stop)
        self._thread.start()

    def do(self, job: Job) -> None:
        """Have a job done; raises what an earlier one raised."""
        self._check()
        self._room.acquire()
        self._queue.put(job)

    def flush(self) -> None:
        """Wait until all that was given is done; raises what a job raised."""
        for _ in range(AHEAD):
            self._room.acquire()
        self._room.release(AHEAD)
        self._check()

    def close(self) -> None:
        """Do what was given, then end."""
        self._queue.put(None)
        self._thread.join()

    def _stop(self) -> None:
        """Do what is at work, and nothing behind it."""
        self._error = self._error or RuntimeError("the program ends")
        self._queue.put(None)

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            try:
                if self._error is None:
                    job()
            except BaseException as error:
                self._error = error
            finally:
                self._room.release()

    def __enter__(self) -> Behind:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if exception is None or issubclass(exception, KeyboardInterrupt):
            self._check()
