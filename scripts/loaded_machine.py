"""Does the pipeline hold its share of a machine that is busy with other things?

    python scripts/loaded_machine.py VIDEO [--busy N] [--frames N] [--fidelity exact|high|fast]

`vistream track` of a video with nanodet-g (without a video of its own), first alone, then with N processes beside it
that compute without a pause. With C cores its fair share is C / (C + N), where it can use all C: so many times the
frames a second are expected, and printed beside what comes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

from vistream.bench.pipelines import Run, ours


def busy() -> None:
    """Compute until stopped."""
    number = 1
    while True:
        number = number * 1103515245 % 2147483647


def run(video: str, frames: int, fidelity: str) -> Run:
    """One pass, in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(ours, video, frames, fidelity).result()


def main() -> None:
    """Print both rates, and what was to be expected."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video")
    parser.add_argument("--busy", type=int, default=2)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--fidelity", default="exact")
    arguments = parser.parse_args()
    alone = run(arguments.video, arguments.frames, arguments.fidelity)
    others = [multiprocessing.Process(target=busy, daemon=True) for _ in range(arguments.busy)]
    for other in others:
        other.start()
    beside = run(arguments.video, arguments.frames, arguments.fidelity)
    for other in others:
        other.terminate()
    cores = len(os.sched_getaffinity(0))
    share = cores / (cores + arguments.busy)
    print(f"alone {alone.fps:.1f} frames a second, with {arguments.busy} busy processes beside it {beside.fps:.1f}")
    print(f"{beside.fps / alone.fps:.2f} times as many; its share of {cores} cores is {share:.2f}")
    for name, found in (("alone", alone), ("beside", beside)):
        print(f"processor time a frame, {name}: {1e3 * found.processor / found.frames:.1f} ms")


if __name__ == "__main__":
    main()
