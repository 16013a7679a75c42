"""Detecting ahead: same order and results, errors where they belong, and a memory that is whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

import numpy as np
import pytest

from vistream.errors import VistreamError
from vistream.media.video.frames import Health, Source, SourceFrame
from vistream.pipeline.detections import Detected, Detections
from vistream.pipeline.overlap import ReadAhead
from vistream.stages import Stages
from vistream.types import Observations

LENGTH = 6


def opened(live: bool = False, length: int = LENGTH) -> Source:
    def frames() -> Generator[SourceFrame, None, None]:
        for number in range(length):
            yield SourceFrame(number, number / 25, np.full((4, 4, 3), number, np.uint8), str(number))

    return Source("toy", frames(), fps=25, frame_count=length, health=Health() if live else None)


class Detector:
    """Sees a box as wide as the frame's number; fails at the frame `broken`."""

    def __init__(self, broken: int = LENGTH) -> None:
        self.asked: list[int] = []
        self.threads: set[int] = set()
        self._broken = broken

    def __call__(self, frame: SourceFrame) -> Detected:
        self.asked.append(frame.index)
        self.threads.add(threading.get_ident())
        if frame.index == self._broken:
            raise VistreamError(f"frame {frame.index} is too much")
        return Detected(Observations(np.array([[0.0, 0, frame.index + 1, 1]]), np.ones(1), ("box",)))


def widths(found: Detected | None) -> float:
    assert found is not None
    return float(found.seen.boxes[0, 2])


def names() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("live", [False, True])
def test_each_frame_comes_with_what_was_seen_in_it(live: bool) -> None:
    detect = Detector()
    detections = Detections(ReadAhead(opened(live), Stages()), detect)
    for number, (frame, found) in enumerate(detections):
        assert (frame.index, widths(found)) == (number, number + 1)
        states = [detections.between]
        detections.finished()
        assert [*states, detections.between] == [False, True]
        assert len(detect.asked) == (number + 1 if live else min(number + 2, LENGTH))
    detections.close()
    assert detect.asked == list(range(LENGTH))
    assert (threading.get_ident() in detect.threads) == live
    assert not {"reading", "detector"} & names()


def test_an_error_comes_with_its_frame_and_leaves_no_memory() -> None:
    detections = Detections(ReadAhead(opened(), Stages()), Detector(broken=2))
    for _ in range(2):
        next(detections)
        detections.finished()
    assert not detections.between  # the detector is in the middle of the third
    with pytest.raises(VistreamError, match="frame 2 is too much"):
        next(detections)
    detections.close()


def test_what_was_found_ahead_is_not_looked_for_again() -> None:
    first = Detections(ReadAhead(opened(), Stages()), Detector())
    next(first)
    first.finished()
    ahead = first.ahead
    assert widths(ahead) == 2
    first.close()
    detect = Detector()
    frames = opened()
    next(frames)  # done by the first
    second = Detections(ReadAhead(frames, Stages()), detect, ahead)
    assert second.ahead is ahead
    assert [widths(found) for _, found in second] == [2, 3, 4, 5, 6]
    assert detect.asked == [2, 3, 4, 5]
    assert second.ahead is None
    second.close()


def test_a_stop_leaves_out_what_was_found_ahead() -> None:
    source = opened()
    detections = Detections(ReadAhead(source, Stages()), Detector())
    next(detections)
    assert widths(detections.ahead) == 2
    source.stop()
    assert list(detections) == []
    assert widths(detections.ahead) == 2
    detections.close()


def test_closing_ends_where_the_reader_has_ended_already() -> None:
    detections = Detections(ReadAhead(opened(length=3), Stages()), Detector())
    next(detections)
    assert widths(detections.ahead) == 2
    while "reading" in names():  # it leaves a frame and the end, and no room
        time.sleep(0.01)
    detections.close()
    assert not {"reading", "detector"} & names()


def test_closing_ends_a_detector_that_waits_for_a_frame() -> None:
    gate = threading.Event()

    def frames() -> Generator[SourceFrame, None, None]:
        yield SourceFrame(0, 0.0, np.zeros((4, 4, 3), np.uint8), "0")
        gate.wait()

    source = Source("toy", frames(), fps=25, frame_count=2)
    detections = Detections(ReadAhead(source, Stages()), Detector())
    next(detections)
    opener = threading.Timer(0.1, gate.set)
    opener.start()
    detections.close()
    assert not {"reading", "detector"} & names()
