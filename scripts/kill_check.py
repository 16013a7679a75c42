"""`kill -9` at random moments, again and again: every output must be what an uninterrupted run leaves.

    nice -n 19 python scripts/kill_check.py --kills 100

A demo clip is tracked with every text output and the annotated video, with a checkpoint every fifth of a second; the
process is killed at a random moment and resumed, until it was killed so often. Text must be equal byte for byte, videos
must have as many frames. Fails where anything differs.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av

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


def start(folder: Path, frames: int, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(command(frames, *more), cwd=folder, stderr=subprocess.PIPE, text=True)


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


def killed(folder: Path, frames: int, kills: int, rng: random.Random) -> int:
    """Kill and resume until the run is done; how often that was. A run that would end is left alone one frame short."""
    done = 0
    while True:
        lines = folder / "out.jsonl"
        before = lines.read_bytes().count(b"\n") if lines.exists() else 0
        with start(folder, frames, *(("--resume",) if done else ())) as process:
            if done < kills:
                wait = min(frames - 1, before + rng.randint(0, max(1, 2 * frames // kills)))
                while process.poll() is None and (not lines.exists() or lines.read_bytes().count(b"\n") < wait):
                    time.sleep(0.005)
                time.sleep(rng.random() * 0.1)
                if process.poll() is None:
                    process.kill()
                    done += 1
                    continue
            said = process.communicate()[1]
        if process.returncode:
            sys.exit(f"after {done} kills: {said}")
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
        with start(whole, asked.frames) as process:
            if process.wait():
                sys.exit("the uninterrupted run failed")
        done = killed(parts, asked.frames, asked.kills, random.Random(asked.seed))
        first, second = contents(whole), contents(parts)
        differing = sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
        print(
            f"{done} kills, {asked.frames} frames, {len(first)} files:",
            f"{differing} differ" if differing else "all equal",
        )
        sys.exit(1 if differing or done == 0 else 0)


if __name__ == "__main__":
    main()
