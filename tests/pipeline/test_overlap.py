"""Reading ahead, and doing behind: same order, errors where they belong, nothing left running."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Generator

import numpy as np
import pytest

from vistream.errors import VistreamError
from vistream.media.video.frames import Health, Source, SourceFrame
from vistream.pipeline.overlap import AHEAD, Behind, ReadAhead
from vistream.stages import Stages


def source(count: int, fails: bool = False, read: list[int] | None = None, live: bool = False) -> Source:
    def frames() -> Generator[SourceFrame, None, None]:
        for number in range(count):
            if read is not None:
                read.append(number)
            yield SourceFrame(number, number / 25, np.full((4, 4, 3), number, np.uint8), str(number))
        if fails:
            raise VistreamError("cut short")

    return Source("toy", frames(), fps=25, frame_count=count, health=Health() if live else None)


@pytest.mark.parametrize("live", [False, True])
def test_frames_come_in_order_and_an_error_where_it_was(live: bool) -> None:
    ahead = ReadAhead(source(7, fails=True, live=live), Stages())
    found: list[int] = []
    with pytest.raises(VistreamError, match="cut short"):
        found.extend(frame.index for frame in ahead)
    assert found == list(range(7))
    if not live:
        with pytest.raises(VistreamError, match="cut short"):
            next(ahead)
    ahead.close()


def test_it_reads_no_further_ahead_than_it_should_and_stops() -> None:
    read: list[int] = []
    opened = source(100, read=read)
    ahead = ReadAhead(opened, Stages())
    assert next(ahead).index == 0
    while len(read) < 1 + AHEAD:
        time.sleep(0.01)
    time.sleep(0.1)
    assert len(read) == 1 + AHEAD
    opened.stop()
    assert list(ahead) == []
    ahead.close()
    opened.close()
    assert "reading" not in {thread.name for thread in threading.enumerate()}


def test_closing_in_the_middle_leaves_no_thread() -> None:
    opened = source(100)
    ahead = ReadAhead(opened, Stages())
    next(ahead)
    ahead.close()
    opened.close()
    assert list(ahead) == []
    assert "reading" not in {thread.name for thread in threading.enumerate()}


def test_jobs_are_done_in_order_all_of_them() -> None:
    done: list[int] = []
    with Behind("drawing") as behind:
        for number in range(20):
            behind.do(lambda number=number: done.append(number))  # type: ignore[misc]  # bound at once
        behind.flush()
        assert done == list(range(20))
        behind.do(lambda: done.append(20))
    assert done[-1] == 20
    assert "drawing" not in {thread.name for thread in threading.enumerate()}


def test_what_a_job_raises_is_raised_later_and_nothing_is_done_behind_it() -> None:
    done: list[int] = []

    def fails() -> None:
        raise VistreamError("the disk is full")

    with pytest.raises(VistreamError, match="the disk is full"), Behind("drawing") as behind:
        behind.do(fails)
        behind.do(lambda: done.append(1))
    with pytest.raises(VistreamError, match="the disk is full"), Behind("drawing") as behind:
        behind.do(fails)
        for _ in range(100):
            behind.do(lambda: done.append(1))
    assert done == []


def test_another_exception_is_not_hidden_and_what_was_given_is_done() -> None:
    done: list[int] = []
    with pytest.raises(KeyError), Behind("drawing") as behind:
        behind.do(lambda: done.append(1))
        raise KeyError
    assert done == [1]


def no_lock() -> None:
    raise RuntimeError("can't allocate lock")


def test_without_memory_to_wait_with_the_caller_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python allocates a lock for each wait: a thread that ended by that would leave its caller waiting for ever."""
    ended: list[threading.ExceptHookArgs] = []
    gate = threading.Lock()

    def job() -> None:
        with gate:
            pass

    ahead = ReadAhead(source(100), Stages())
    behind = Behind("drawing")
    assert next(ahead).index == 0
    with monkeypatch.context() as patch, gate:
        patch.setattr(threading, "excepthook", ended.append)
        patch.setattr(threading, "_allocate_lock", no_lock)
        with pytest.raises(RuntimeError, match="allocate"):
            for _ in range(AHEAD + 1):
                behind.do(job)
        assert next(ahead).index == 1
        while "reading" in {thread.name for thread in threading.enumerate()}:
            time.sleep(0.01)  # until it has no room, and nothing to wait with
    with pytest.raises(RuntimeError, match="allocate"):
        list(ahead)
    ahead.close()
    behind.flush()
    behind.close()
    assert not ended


def test_a_program_that_ends_by_an_error_of_its_own_waits_for_what_is_at_work() -> None:
    """A thread that is torn out of native code would end it with a signal."""
    code = """
import threading
import time
from vistream.pipeline.overlap import Behind

begun = threading.Event()
behind = Behind("drawing")
behind.do(lambda: (begun.set(), time.sleep(1), print("done", flush=True)))
behind.do(lambda: print("not begun", flush=True))
begun.wait()
raise ValueError("mine")
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "done\n"), ended.stderr
    assert ended.stderr.splitlines()[-1] == "ValueError: mine"
