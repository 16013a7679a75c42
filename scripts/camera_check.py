"""A camera that fails again and again, and changes its codec: does a run go on, with memory and descriptors flat?

    nice -n 19 python scripts/camera_check.py --restarts 20          (needs the extra `test`)

A real RTSP server plays a demo clip, as H.264 and H.265 in turn. It is killed and started again while `vistream` tracks
the stream. Prints a Markdown row a restart; fails where the run ends, a codec is not taken up, or either one grows.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import av
from av.video.stream import VideoStream
from rtspserver import RtspServer

from vistream.media.formats.jsonl import read_results
from vistream.media.video.source import open_source
from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.recording import Recording
from vistream.pipeline.settings import Settings

CLIP = Path(__file__).parents[1] / "demo_videos" / "plaza_static.mp4"
FRAMES = 20  # tracked between two failures
GROWTH = 32  # MB that memory may grow by, from the second round of both codecs to the last


def encoded(codec: str, folder: Path) -> Path:
    """The clip as H.264 or H.265, with a key frame every ten: a watcher can begin anywhere."""
    path = folder / f"{codec}.mp4"
    with open_source(str(CLIP), max_frames=100) as source, av.open(str(path), "w") as container:
        quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
        stream = container.add_stream(codec, rate=25, options={"preset": "ultrafast", "g": "10", **quiet})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = source.size
        stream.pix_fmt = "yuv420p"
        for frame in source:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame.image, format="rgb24")))
        container.mux(stream.encode())
    return path


def memory() -> float:
    """Held by this process, in MB."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def wait(until: Callable[[], bool]) -> None:
    while not until():
        time.sleep(0.05)


def rounds(recording: Recording, server: RtspServer, clips: list[Path], restarts: int) -> Iterator[tuple[float, int]]:
    """Memory and open files after the frames that follow each restart."""
    frames, health = iter(recording), recording.run.source.health
    for number in range(restarts + 1):
        tracked = sum(1 for _ in islice(frames, FRAMES))
        if tracked < FRAMES:
            sys.exit(f"the run ended after {number} restarts")
        kept = memory(), descriptors()
        codec = clips[number % len(clips)].stem
        print(f"| {number} | {codec} | {kept[0]:.0f} | {kept[1]} | {threading.active_count()} |", flush=True)
        yield kept
        if number < restarts:
            server.kill()
            while health.connected:
                next(frames, None)
            server.play(clips[(number + 1) % len(clips)])
            server.start()
            wait(lambda: health.connected)


def main() -> None:
    parser = argparse.ArgumentParser(description="A camera that fails again and again, and changes its codec.")
    parser.add_argument("--restarts", type=int, default=20)
    restarts: int = parser.parse_args().restarts
    logging.getLogger("vistream").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as name:
        folder, served = Path(name), Path(name) / "served"
        served.mkdir()
        clips = [encoded(codec, folder) for codec in ("libx264", "libx265")]
        server = RtspServer(served, clips[0])
        server.start()
        try:
            print("| restarts | codec | memory, MB | descriptors | threads |\n|---|---|---|---|---|", flush=True)
            lines = OutputPaths(jsonl=folder / "out.jsonl")
            with Recording(server.url, Settings(detector="motion"), lines) as recording:
                kept = list(rounds(recording, server, clips, restarts))
                recording.stop()
                losses = recording.run.source.health.losses
        finally:
            server.kill()
        numbers = [result.frame for result in read_results(folder / "out.jsonl")]
    settled = kept[2 : 2 + len(clips)] or kept
    grown = kept[-1][0] - max(held for held, _ in settled)
    opened = kept[-1][1] - max(count for _, count in settled)
    print(f"\n{losses} losses, {len(numbers)} frames, memory grown by {grown:.0f} MB, descriptors by {opened}")
    sys.exit(numbers != sorted(set(numbers)) or losses < restarts or grown > GROWTH or opened > 0)


if __name__ == "__main__":
    main()
