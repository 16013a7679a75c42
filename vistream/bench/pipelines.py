"""Whole pipelines, from the video to the tracks: ours beside a dense int8 detector with a usual tracker.

Each runs in a process of its own, one after the other, on the same file, with the same detector (nanodet-g), the same
size of picture, the same selection of boxes and the same reading ahead. The first frame counts for nobody.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vistream.engine.fidelity import PRESETS
from vistream.errors import VistreamError
from vistream.garbage import started, starting
from vistream.media.formats.writer import kept
from vistream.types import Frame, Observations

DETECTOR = "nanodet-g"
CALIBRATION = 8  # frames, spread over the video, for the peers' quantisation
CROP = 320  # pixels a side: what the motion-gated detector looks at
Rows = NDArray[np.float64]
"""Tracks: number of the frame from 0, id, x, y, w, h."""


@dataclass(slots=True)
class Run:
    """One pass: seconds behind the first frame, those that processors spent, frames, boxes seen, tracks; of ours the
    share of work, and the time of each stage in words."""

    seconds: float = 0.0
    processor: float = 0.0
    frames: int = 0
    detections: int = 0
    rows: Rows = field(default_factory=lambda: np.zeros((0, 6)))
    share: float = 1.0
    times: str = ""

    @property
    def fps(self) -> float:
        return self.frames / max(self.seconds, 1e-9)


def ours(source: str, count: int, fidelity: str) -> Run:
    """Our pipeline, at a fidelity."""
    from vistream.pipeline.run import Run as Tracking
    from vistream.pipeline.settings import Settings

    found, rows = Run(), []
    tracking = Tracking(source, Settings(detector=DETECTOR, fidelity=fidelity, max_frames=count))
    done = dense = 0
    try:
        for number, (_, result) in enumerate(tracking):
            rows += [(number, track.id, *track.box) for track in kept(result)]
            found.detections += result.observations
            if number == 0:
                started()
                tracking.stages.seconds = dict.fromkeys(tracking.stages.seconds, 0.0)
                begin, spent = time.perf_counter(), time.process_time()
                continue
            done, dense, found.frames = done + result.work.macs, dense + result.work.macs_dense, number
        found.seconds, found.processor = time.perf_counter() - begin, time.process_time() - spent
    finally:
        tracking.close()
    found.share = done / max(dense, 1)
    found.times = tracking.stages.described(found.frames)
    found.rows = np.array(rows, np.float64).reshape(-1, 6)
    return found


def peer(source: str, count: int, gated: bool) -> Run:
    """OpenVINO int8 and ByteTrack; `gated`: the detector sees crops around what moves, and nothing else."""
    from vistream.bench.peers import ByteTrack, CroppedDetector, OpenVinoDetector
    from vistream.media.video.source import open_source
    from vistream.media.video.spread import spread_frames
    from vistream.pipeline.overlap import ReadAhead
    from vistream.stages import Stages

    samples = [frame.image for frame in spread_frames(source, CALIBRATION)]
    found, rows = Run(), []
    with open_source(source, max_frames=count) as opened:
        fps = opened.fps or 30.0
        detector: Callable[[Frame], Observations]
        detector = CroppedDetector(samples, fps, CROP) if gated else OpenVinoDetector(samples)
        tracker, frames = ByteTrack(fps), ReadAhead(opened, Stages())
        try:
            for number, frame in enumerate(frames):
                seen = detector(frame.image)
                rows += [(number, *row) for row in tracker(seen)]
                found.detections += len(seen)
                found.frames = number
                if number == 0:
                    started()
                    begin, spent = time.perf_counter(), time.process_time()
            found.seconds, found.processor = time.perf_counter() - begin, time.process_time() - spent
        finally:
            frames.close()
    found.rows = np.array(rows, np.float64).reshape(-1, 6)
    return found


def _as_a_program(function: Callable[..., Run], *arguments: object) -> Run:
    with starting():
        return function(*arguments)


def contenders() -> dict[str, tuple[Callable[..., Run], object]]:
    """Name to function and its last argument; source and number of frames come before."""
    return {
        "OpenVINO int8 + ByteTrack": (peer, False),
        "OpenVINO int8 crops + ByteTrack": (peer, True),
        **{f"vistream {fidelity}": (ours, fidelity) for fidelity in PRESETS},
    }


def race(
    source: str, count: int, rounds: int, progress: Callable[[str], None]
) -> Iterator[tuple[str, list[Run] | str]]:
    """All contenders' runs by name; of one that is not here, what is missing."""
    runs: dict[str, list[Run] | str] = {name: [] for name in contenders()}
    for turn in range(rounds):
        for name, (function, option) in contenders().items():
            passes = runs[name]
            if isinstance(passes, str):
                continue
            progress(f"round {turn + 1} of {rounds}: {name}")
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
                try:
                    passes.append(process.submit(_as_a_program, function, source, count, option).result())
                except ImportError as error:
                    runs[name] = f"{error}: pip install 'vistream[bench]'"
                except VistreamError as error:
                    runs[name] = str(error)
    yield from runs.items()
