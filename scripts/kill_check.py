"""`kill -9` at random moments, again and again: every output must be what an uninterrupted run leaves.

    nice -n 19 python scripts/kill_check.py --kills 100

A demo clip is tracked with every text output and the annotated video, with a checkpoint every fifth of a second; the
process is killed at a random moment and resumed, until it was killed so often. Text must be equal byte for byte, videos
must show the same frames in the same order. Fails where anything differs. Linux and macOS: it forks.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shlex
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

import av
import numpy as np
from numpy.typing import NDArray

from vistream.cli.main import run
from vistream.pipeline import recording

ROOT = Path(__file__).parents[1] / "demo_videos"
CLIP = ROOT / "plaza_static.mp4"
MASKS = ROOT / "plaza_static" / "gt" / "gt_mots.txt"
OPTIONS = shlex.split(
    f"--task mots --detections {MASKS} --jsonl out.jsonl --output out.mp4 --mot-txt mot.txt --csv out.csv "
    "--mots-txt mots.txt --davis-dir masks --coco-json coco.json --quiet"
)
RUN = """
import sys
from vistream.cli.main import run
from vistream.pipeline import recording
recording.INTERVAL = 0.2  # seconds between checkpoints
run()
"""


def command(frames: int, *more: str) -> list[str]:
    """The run, with a checkpoint every fifth of a second."""
    return [sys.executable, "-c", RUN, "track", str(CLIP), "--max-frames", str(frames), *OPTIONS, *more]


def contents(folder: Path) -> dict[str, str]:
    """Checksums of texts and masks, numbers of frames of videos; not the checkpoint."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".resume"):
        if path.suffix == ".mp4":
            with av.open(str(path)) as container:
                found[path.name] = str(sum(1 for _ in container.decode(video=0)))
        else:
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def misplaced(video: Path, whole: Path) -> list[int]:
    """Frames of a video that are more like the frame before or after in the whole one than like their own there.

    What is encoded anew from a seam on differs a little; a frame lost, doubled or moved differs as frames do.
    """
    found, expected = pictures(video), pictures(whole)
    wrong = []
    for index, picture in enumerate(found):
        near = range(max(0, index - 1), min(len(expected), index + 2))
        apart = {other: float(np.abs(picture - expected[other]).mean()) for other in near}
        if index not in apart or min(apart.values()) < 0.9 * apart[index]:
            wrong.append(index)
    return wrong


def pictures(video: Path) -> list[NDArray[np.float32]]:
    """The frames as grey pictures, without the upper left, where their speed is written."""
    with av.open(str(video)) as container:
        frames = [frame.to_ndarray(format="gray").astype(np.float32) for frame in container.decode(video=0)]
    return [frame[frame.shape[0] // 4 :] for frame in frames]


class Forked:
    """The run in a child of this process, which has imported everything already: so a hundred of them take minutes."""

    def __init__(self, folder: Path, frames: int, *more: str) -> None:
        self.errors = folder.with_suffix(".errors")
        self.pid = os.fork()
        if self.pid == 0:
            self._run(folder, frames, more)
        self.code: int | None = None

    def _run(self, folder: Path, frames: int, more: tuple[str, ...]) -> NoReturn:
        code = 1
        try:
            os.chdir(folder)
            os.dup2(os.open(self.errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 2)
            sys.argv = ["vistream", "track", str(CLIP), "--max-frames", str(frames), *OPTIONS, *more]
            recording.INTERVAL = 0.2
            run()
            code = 0
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 0 if left.code is None else 1
        finally:
            os._exit(code)

    def poll(self) -> int | None:
        """Its exit code once it has ended; minus the signal that ended it."""
        if self.code is None:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if done else None
        return self.code

    def wait(self) -> int:
        while (code := self.poll()) is None:
            time.sleep(0.005)
        return code


def killed(folder: Path, frames: int, kills: int, rng: random.Random) -> int:
    """Kill and resume until the run is done; how often that was. A run that would end is left alone one frame short."""
    done = 0
    while True:
        lines = folder / "out.jsonl"
        before = lines.read_bytes().count(b"\n") if lines.exists() else 0
        process = Forked(folder, frames, *(("--resume",) if done else ()))
        if done < kills:
            wait = min(frames - 1, before + rng.randint(0, max(1, 2 * frames // kills)))
            while process.poll() is None and (not lines.exists() or lines.read_bytes().count(b"\n") < wait):
                time.sleep(0.005)
            time.sleep(rng.random() * 0.1)
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                done += process.wait() == -signal.SIGKILL
                continue
        if process.wait():
            sys.exit(f"after {done} kills: {process.errors.read_text(encoding='utf-8')}")
        return done


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill a run at random moments, resume it, compare the outputs.")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        whole, parts = Path(scratch) / "whole", Path(scratch) / "parts"
        whole.mkdir()
        parts.mkdir()
        if (first := Forked(whole, asked.frames)).wait():
            sys.exit(f"the uninterrupted run failed: {first.errors.read_text(encoding='utf-8')}")
        done = killed(parts, asked.frames, asked.kills, random.Random(asked.seed))
        one, other = contents(whole), contents(parts)
        differing = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
        moved = misplaced(parts / "out.mp4", whole / "out.mp4")
        if moved:
            differing.append(f"frames {moved} of out.mp4")
        print(
            f"{done} kills, {asked.frames} frames, {len(one)} files:",
            f"{differing} differ" if differing else "all equal",
        )
        sys.exit(1 if differing or done == 0 else 0)


if __name__ == "__main__":
    main()
