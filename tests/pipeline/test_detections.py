"""Detecting ahead: same order and results, errors where they belong, and a memory that is whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from onnxnets import yolov8

from vistream.detect.streaming import SharedFeatures
from vistream.errors import VistreamError
from vistream.media.video.frames import Health, Source, SourceFrame
from vistream.pipeline.checkpoint import load_checkpoint, pack, write_checkpoint
from vistream.pipeline.detections import AHEAD, Detected, Detections
from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.overlap import ReadAhead
from vistream.pipeline.recording import Recording
from vistream.pipeline.settings import Settings
from vistream.stages import Stages
from vistream.types import LayerWork, Observations, Work

CLIP = Path(__file__).parents[2] / "demo_videos" / "plaza_static.mp4"

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


def widths(*found: Detected) -> list[float]:
    return [float(one.seen.boxes[0, 2]) for one in found]


def names() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("live", [False, True])
def test_each_frame_comes_with_what_was_seen_in_it(live: bool) -> None:
    detect = Detector()
    detections = Detections(ReadAhead(opened(live), Stages()), detect)
    for number, (frame, found) in enumerate(detections):
        assert (frame.index, widths(found)) == (number, [number + 1])
        states = [detections.between]
        detections.finished()
        assert [*states, detections.between] == [False, True]
        assert len(detect.asked) == (number + 1 if live else min(number + 1 + AHEAD, LENGTH))
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
    assert widths(*ahead) == [2, 3, 4]
    first.close()
    detect = Detector()
    frames = opened()
    next(frames)  # done by the first
    second = Detections(ReadAhead(frames, Stages()), detect, ahead)
    assert second.ahead == ahead
    assert widths(*(found for _, found in second)) == [2, 3, 4, 5, 6]
    assert detect.asked == [4, 5]
    assert second.ahead == []
    second.close()


def test_a_stop_leaves_out_what_was_found_ahead() -> None:
    source = opened()
    detections = Detections(ReadAhead(source, Stages()), Detector())
    next(detections)
    assert widths(*detections.ahead) == [2, 3, 4]
    source.stop()
    assert list(detections) == []
    assert widths(*detections.ahead) == [2, 3, 4]
    detections.close()


def test_closing_ends_where_the_reader_has_ended_already() -> None:
    detections = Detections(ReadAhead(opened(length=3), Stages()), Detector())
    next(detections)
    assert widths(*detections.ahead) == [2, 3]
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


def test_what_was_found_ahead_survives_in_a_checkpoint(tmp_path: Path) -> None:
    levels = np.random.default_rng(1).integers(-127, 128, (12, 16, 8), np.int8)
    found = Detected(
        Observations(np.array([[1.0, 2, 3, 4]]), np.ones(1), ("car",)),
        SharedFeatures([levels], (4.0, 4.0)),
        Work((LayerWork("stem", 3, 9, 30, 90, 2),)),
        levels[:, :, 0] > 0,
    )
    write_checkpoint(tmp_path / "run.resume", *pack({"ahead": [found]}))
    (again,) = load_checkpoint(tmp_path / "run.resume")["ahead"]
    assert (again.seen.labels, again.work) == (found.seen.labels, found.work)
    assert again.seen.boxes.tolist() == found.seen.boxes.tolist()
    assert found.features is not None
    assert again.features.within().values.tobytes() == found.features.within().values.tobytes()
    assert np.array_equal(again.recomputed, levels[:, :, 0] > 0)


@pytest.mark.parametrize("fidelity", ["exact", "high"])
def test_a_streamed_detector_that_is_ahead_resumes(
    fidelity: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISTREAM_HOME", str(tmp_path / "home"))
    detector = yolov8(tmp_path / "net.onnx")
    settings = Settings(detector=f"onnx:{detector}", fidelity=fidelity, max_frames=7)
    for name, stops in (("whole", ()), ("parts", (2, 3))):
        paths = OutputPaths(jsonl=tmp_path / f"{name}.jsonl")
        for most in (*stops, None):
            with Recording(str(CLIP), settings, paths, resume=bool(stops)) as made:
                for count, _ in enumerate(made, start=1):
                    if count == most:
                        made.stop()
    assert (tmp_path / "whole.jsonl").read_bytes() == (tmp_path / "parts.jsonl").read_bytes()
