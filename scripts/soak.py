"""A long run: does memory stay flat, speed constant, and every level equal to the dense network's?

    nice -n 19 python scripts/soak.py --frames 100000

Plays the middle of a demo clip, 96 x 64 pixels, forwards and backwards without end, through detector, network, tracker
and the JSON lines writer, as `vistream track` does. Every 1,000th frame all levels of all layers are compared with the
dense network's. Prints a Markdown row every tenth of the way, and fails where a level differs.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from vistream.detect.motion import MotionDetector
from vistream.engine.reference import Dense
from vistream.engine.stream.engine import Stream
from vistream.engine.stream.lazy_features import LazyFeatures
from vistream.ir.network import IntegerNetwork
from vistream.media.formats.jsonl import JsonlWriter
from vistream.media.video.source import open_source
from vistream.quantize.named import named_network
from vistream.tracking.mot import MotTracker
from vistream.types import Frame, Result

CLIP = Path(__file__).parents[1] / "demo_videos" / "plaza_static.mp4"
SIZE = (96, 64)
FPS = 30.0


def small_clip() -> list[Frame]:
    """The middle of the demo clip at half its size."""
    frames = []
    with open_source(str(CLIP)) as source:
        for frame in source:
            half = cv2.resize(frame.image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            top, left = (half.shape[0] - SIZE[1]) // 2, (half.shape[1] - SIZE[0]) // 2
            frames.append(np.ascontiguousarray(half[top : top + SIZE[1], left : left + SIZE[0]], dtype=np.uint8))
    return frames


def endless(frames: list[Frame]) -> Iterator[Frame]:
    """To and fro, so that nothing jumps."""
    return itertools.cycle([*frames, *frames[-2:0:-1]])


def resident() -> float:
    """Memory held by this process, in MB."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def differing(stream: Stream, dense: Dense, frame: Frame) -> int:
    """Levels of all layers that are not the dense network's."""
    return sum(int((stream.levels(name) != levels).sum()) for name, levels in dense.step(frame).items())


def soak(network: IntegerNetwork, total: int, every: int) -> int:
    """Run, print the rows, and return the number of levels that differed."""
    stream, dense, tracker, detector = Stream(network), Dense(network), MotTracker(fps=FPS), MotionDetector(FPS)
    wrong = compared = tracks = highest = 0
    print("| frames | memory, MB | frames/s | CPU ms/frame | compared | differing | tracks | highest id | file, MB |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as scratch, JsonlWriter(Path(scratch) / "soak.jsonl") as writer:
        began, spent = time.perf_counter(), time.process_time()
        for index, frame in enumerate(itertools.islice(endless(small_clip()), total)):
            seen = detector.detect(frame, index)
            look = LazyFeatures(stream, frame, SIZE)
            found = tracker.step(look, seen)
            result = Result(index, index / FPS, found, len(seen), look.step.work)
            writer.write(result)
            tracks += len(result.tracks)
            highest = max([highest, *(track.id for track in result.tracks)])
            if index % every == 0:
                compared += 1
                look.within()  # what the tracker did not ask for is compared, too
                wrong += differing(stream, dense, frame)
            if (index + 1) % max(1, total // 10) == 0:
                speed = max(1, total // 10) / (time.perf_counter() - began)
                each = 1000 * (time.process_time() - spent) / max(1, total // 10)
                size = (Path(scratch) / "soak.jsonl").stat().st_size / 1e6
                row = (index + 1, f"{resident():.0f}", f"{speed:.0f}", f"{each:.2f}", compared, wrong, tracks, highest)
                print("|", *(f"{cell} |" for cell in (*row, f"{size:.0f}")), flush=True)
                began, spent = time.perf_counter(), time.process_time()
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description="A long run with memory, speed and equality watched.")
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--every", type=int, default=1000, help="compare every so many-th frame with the dense network")
    asked = parser.parse_args()
    if soak(named_network().network, asked.frames, asked.every):
        sys.exit("some levels differ from the dense network's")


if __name__ == "__main__":
    main()
