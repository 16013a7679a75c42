"""Large frames and many sources: memory of `vistream track` at 4K, and of eight sources in one `vistream serve`.

    nice -n 19 python scripts/size_check.py

Memory is the most that a process held at any moment. Fails where 4K takes more than 1.2 GB, or a source does not go on.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

import av
import numpy as np
from av.video.stream import VideoStream

from vistream.types import Frame

CLIP = Path(__file__).parents[1] / "demo_videos" / "plaza_static.mp4"
COMMAND = (sys.executable, "-c", "from vistream.cli.main import run; run()")
SIZE = (3840, 2160)
MOST = 1200  # MB
SOURCES = 8
SECONDS = 300.0
"""For which the sources may take to get as far as `FRAMES`."""
FRAMES = 20


def picture(index: int) -> Frame:
    """Two squares, one of which moves, over noise that does not."""
    image = np.random.default_rng(0).integers(60, 120, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    image[400:900, 20 * index : 20 * index + 500] = (240, 40, 30)
    image[1500:1900, 2000:2300] = (20, 200, 60)
    return image


def large(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for index in range(FRAMES):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(index), format="rgb24")))
        container.mux(stream.encode())
    return path


def tracked(folder: Path) -> float:
    """Peak memory, in MB, of tracking a 4K video and drawing it."""
    arguments = ("track", str(large(folder / "large.mp4")), "--detector", "motion", "-o", str(folder / "out.mp4"))
    process = subprocess.Popen([*COMMAND, *arguments, "--jsonl", str(folder / "out.jsonl"), "--quiet"])
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"tracking 4K ended with {process.returncode}")
    return used.ru_maxrss / 1024


def served() -> tuple[float, list[int]]:
    """Peak memory, in MB, of eight sources in one server, and how far each got."""
    arguments = ("serve", *[str(CLIP)] * SOURCES, "--detector", "motion", "--loop", "--port", "0")
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        deadline, frames = time.monotonic() + SECONDS, [0]
        while min(frames) < FRAMES and time.monotonic() < deadline and process.poll() is None:
            time.sleep(1)
            with urlopen(f"{found[0]}api/sources", timeout=60) as answer:
                frames = [int(source.get("view", 0)) for source in json.load(answer)]
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        process.send_signal(signal.SIGINT)
    return int(status.split("VmHWM:")[1].split()[0]) / 1024, frames


def main() -> None:
    argparse.ArgumentParser(description="Memory at 4K, and of eight sources.").parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        peak = tracked(Path(scratch))
    print(f"{FRAMES} frames of {SIZE[0]}x{SIZE[1]}, tracked and drawn: {peak:.0f} MB at the most", flush=True)
    memory, frames = served()
    print(f"{len(frames)} sources served: {memory:.0f} MB at the most, the slowest got to picture {min(frames)}")
    sys.exit(peak > MOST or len(frames) < SOURCES or min(frames) < FRAMES)


if __name__ == "__main__":
    main()
