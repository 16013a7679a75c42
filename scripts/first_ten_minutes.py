"""From an empty machine to people counted in a video, timed step by step: the table of docs/first-ten-minutes.md.

    python scripts/first_ten_minutes.py --video VIDEO [--line X1,Y1,X2,Y2] [--keep FOLDER]

Each step is the line that a user types, run by bash in a fresh clone with a fresh virtual environment: no pip cache, no
weights of an earlier installation. VIDEO stands for the user's own.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEFT_OUT = ("PYTHONPATH", "VIRTUAL_ENV", "HF_HOME")
ACTIVATE = ". .venv/bin/activate && "


def steps(video: Path, line: str) -> list[tuple[str, str]]:
    """What a user does, and types."""
    return [
        ("get the source", f"git clone --quiet {shlex.quote(str(ROOT))} vistream"),
        ("a virtual environment", "python3 -m venv .venv"),
        ("install", "pip install --quiet -c constraints.txt '.[demo]'"),
        ("track the demo clip", "vistream track demo_videos/plaza_static.mp4"),
        ("a report of your own video", f"vistream track {shlex.quote(str(video))} --report report"),
        ("people over a line in it", f"vistream track {shlex.quote(str(video))} --line {line},door -o counted.mp4"),
    ]


def timed(line: str, folder: Path, home: Path) -> float:
    """Run one line; seconds. Leaves with its output where it fails."""
    environment = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
    own = {"PIP_NO_CACHE_DIR": "1", "VISTREAM_HOME": str(home), "COLUMNS": "100"}
    path = os.pathsep.join(p for p in environment["PATH"].split(os.pathsep) if Path(p) != Path(sys.prefix) / "bin")
    began = time.perf_counter()
    everything = {**environment, **own, "PATH": path}
    done = subprocess.run(["bash", "-c", line], cwd=folder, env=everything, capture_output=True, text=True, check=False)
    taken = time.perf_counter() - began
    print(done.stdout + "\n".join(line for line in done.stderr.splitlines() if "WARNING: Location" not in line))
    if done.returncode:
        sys.exit(f"{line} failed: exit code {done.returncode}")
    return taken


def main() -> None:
    """Run all steps and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--video", type=Path, default=ROOT / "demo_videos" / "plaza_static.mp4")
    parser.add_argument("--line", default="0.5,0,0.5,1", help="over which people are counted in it")
    parser.add_argument("--keep", type=Path, help="leave everything in this folder, which must be empty")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder: Path = options.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        rows, total = [], 0.0
        for what, line in steps(options.video.resolve(), options.line):
            inside = folder / "vistream"
            active = ACTIVATE if (inside / ".venv").is_dir() else ""
            taken = timed(active + line, inside if inside.is_dir() else folder, folder / "weights")
            total += taken
            rows.append(f"| {what} | `{line}` | {taken:.0f} | {total:.0f} |")
            print(f"== {what}: {taken:.1f} s, {total:.1f} s in all", flush=True)
        print("\n| step | typed | seconds | in all |\n|---|---|---|---|", *rows, sep="\n")


if __name__ == "__main__":
    main()
