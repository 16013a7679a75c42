"""A thread that waits for another one computes with it: the same results, errors surface, and it can be interrupted."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import FrameType

import pytest

from vistream.kernels import lending
from vistream.kernels.lending import Lending
from vistream.kernels.library import Unusable, library, variants


@pytest.fixture
def lent() -> Iterator[Lending]:
    made = Lending()
    yield made
    made.close()


def unusable() -> None:
    raise Unusable("not here")


def selftest(number: int, threads: int = 2) -> int:
    """0, if all of some random layers are right."""
    kernels = variants()[number % len(variants())]
    return int(library().vistream_selftest(kernels.handle, 500 + number, 40, threads))


def test_what_is_computed_with_a_lent_thread_is_right(lent: Lending) -> None:
    with ThreadPoolExecutor(1) as other:
        assert [lent.result(other.submit(selftest, number)) for number in range(8)] == [0] * 8


def test_several_may_wait_and_several_may_compute(lent: Lending) -> None:
    with ThreadPoolExecutor(3) as computing, ThreadPoolExecutor(3) as waiting:
        places = [computing.submit(selftest, number, 4) for number in range(9)]
        assert list(waiting.map(lent.result, places)) == [0] * 9


def test_errors_surface_where_they_are_waited_for(lent: Lending) -> None:
    with ThreadPoolExecutor(1) as other, pytest.raises(ZeroDivisionError):
        lent.result(other.submit(lambda: 1 // 0))


def test_who_waits_can_be_interrupted(lent: Lending) -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, 0.05)  # in here: a busy machine may come to the wait later than that
            lent.result(Future())  # that nobody fills
    finally:
        signal.signal(signal.SIGALRM, before)


def test_without_kernels_one_only_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lending, "library", unusable)
    place: Future[int] = Future()
    place.set_result(3)
    waiting = Lending()
    assert waiting.result(place) == 3
    waiting.close()
