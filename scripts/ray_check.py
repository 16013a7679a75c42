"""Many videos by processes and by Ray, with a worker killed midway: the results must be the same bytes.

    python scripts/ray_check.py            (needs the extra `cluster`)

Three copies of a demo clip are tracked by one process after the other, by two processes at once, and by actors of a
private Ray cluster on this machine, one of which is killed with SIGKILL once it has got somewhere. Prints what happened
and a checksum of each result.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path

from vistream.pipeline.checkpoint import load_checkpoint
from vistream.pipeline.fleet.jobs import Job, plan
from vistream.pipeline.fleet.processes import Processes
from vistream.pipeline.fleet.ray_actors import RayActors
from vistream.pipeline.fleet.supervise import Workers, supervise
from vistream.pipeline.fleet.worker import Status
from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.settings import Settings

CLIP = Path(__file__).parents[1] / "demo_videos" / "plaza_static.mp4"


class Killer:
    """Kills the worker of the first job once, as soon as there is something to be resumed."""

    def __init__(self, checkpoint: Path | None) -> None:
        self.checkpoint = checkpoint
        self.killed = 0

    def look(self, statuses: Sequence[Status]) -> None:
        first = statuses[0]
        if self.checkpoint is None or self.killed or first.state != "running" or not first.pid:
            return
        if self.checkpoint.exists() and load_checkpoint(self.checkpoint)["memory"] is not None:
            self.killed = first.pid
            os.kill(first.pid, signal.SIGKILL)
            print(f"killed the worker of the first video, process {first.pid}, after {first.frames} frames or more")


def jobs_in(folder: Path, videos: list[str], frames: int) -> list[Job]:
    settings = Settings(detector="motion", max_frames=frames)
    return plan(videos, settings, OutputPaths(jsonl=folder, mot=folder))


def checksums(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in sorted(folder.glob("*.[jt]*"))}


def main() -> None:
    parser = argparse.ArgumentParser(description="The same bytes, however many workers, and when one is killed.")
    parser.add_argument("--frames", type=int, default=240)
    frames = parser.parse_args().frames
    logging.basicConfig(format="%(message)s")
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        videos = [str(shutil.copy(CLIP, root / f"{name}.mp4")) for name in "abc"]
        found = {}
        ways: dict[str, tuple[Workers, int]] = {
            "one process": (Processes(1), 1),
            "two processes": (Processes(1), 2),
            "Ray, one killed": (RayActors(1), 2),
        }
        for way, (workers, at_once) in ways.items():
            folder = root / way.replace(" ", "-")
            killer = Killer(folder / "a.resume" if "killed" in way else None)
            done = supervise(jobs_in(folder, videos, frames), workers, at_once, False, killer.look, lambda: False)
            print(f"{way}:", ", ".join(f"{status.state} ({status.frames} frames){status.error}" for status in done))
            assert ("killed" in way) == bool(killer.killed), "nobody was killed: take more --frames"
            found[way] = checksums(folder)
    for name, checksum in found["one process"].items():
        print(name, checksum, "the same by all" if all(f[name] == checksum for f in found.values()) else "DIFFERENT")
    assert all(f == found["one process"] for f in found.values())


if __name__ == "__main__":
    main()
