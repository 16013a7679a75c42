"""Feed broken files to every reader for a long time, and keep what makes one fail.

    nice -n 19 python scripts/fuzz.py --minutes 10 --folder /tmp/fuzz [READER ...]

A broken file that takes a step from line to line of vistream's code which none took before is broken further.
Prints a Markdown row a reader: files read, refused, findings, memory grown, steps taken. Each finding is kept in the
folder, beside a line that says what it did. Linux only: a file that takes too much memory or time is noticed by the
kernel's limits.
"""

from __future__ import annotations

import argparse
import importlib
import time
from pathlib import Path

from fuzzing.readers import READERS
from fuzzing.worker import Tally, batch

BATCH = 60.0
"""Seconds that one process lives."""


def fuzz(reader: str, minutes: float, folder: Path, seed: int) -> Tally:
    """Batches until the time is over; findings are written as they come."""
    total, end = Tally(), time.monotonic() + 60 * minutes
    while time.monotonic() < end - 0.5:
        seed += 1
        found = batch(reader, seed, min(BATCH, end - time.monotonic()), total.further)
        total.cases += found.cases
        total.refused += found.refused
        total.grown = max(total.grown, found.grown)
        total.steps = max(total.steps, found.steps)
        total.further = found.further or total.further  # none, where the process died
        for what, (detail, data) in found.findings.items():
            if what not in total.findings:
                total.findings[what] = (detail, data)
                name = f"{reader}-{len(total.findings)}"
                (folder / f"{name}.bin").write_bytes(data)
                (folder / f"{name}.txt").write_text(f"{what}\n{detail[:500]}\n", encoding="utf-8", newline="\n")
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description="Feed broken files to every reader.")
    parser.add_argument("readers", nargs="*", metavar="READER", help=f"of {', '.join(READERS)}; all, if none is named")
    parser.add_argument("--minutes", type=float, default=10.0, help="for each reader")
    parser.add_argument("--folder", type=Path, default=Path("fuzz"), help="where findings are kept")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    for module in (
        "torch",
        "cv2",
        "av",
        "onnx",
        "PIL.Image",
        "safetensors.torch",
        "pycocotools.mask",
        "vistream.pipeline.run",
    ):
        importlib.import_module(module)  # once here, not in every process
    print(
        "| reader | minutes | files | refused | findings | memory grown | steps |\n|---|---|---|---|---|---|---|",
        flush=True,
    )
    for reader in asked.readers or READERS:
        began = time.monotonic()
        tally = fuzz(reader, asked.minutes, asked.folder, asked.seed)
        took = (time.monotonic() - began) / 60
        row = (
            reader,
            f"{took:.1f}",
            tally.cases,
            tally.refused,
            len(tally.findings),
            f"{tally.grown / 2**20:.0f} MB",
            tally.steps,
        )
        print("|", *(f"{cell} |" for cell in row), flush=True)


if __name__ == "__main__":
    main()
