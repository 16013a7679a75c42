"""The stream beside OpenVINO int8 in processor time of one thread: `python scripts/processor_time.py MODEL [SOURCE]`.

For a machine that has other things to do: `vistream bench` measures wall time on all processors, which they disturb.
The contenders take turns on the same frames in one process; medians are printed, and the least. Without a source, blobs
that change 5 % of a picture of 856x480.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import torch

from vistream.bench import contenders
from vistream.bench.clips import blob_frames, real_frames
from vistream.bench.subjects import CALIBRATION, subject
from vistream.engine.stream.engine import Stream
from vistream.kernels.library import kernels_in_use
from vistream.machine import cpu_name
from vistream.types import Frame

FRAMES, ROUNDS = 5, 3


def seconds(call: Callable[[Any], object], frames: Sequence[Any]) -> list[float]:
    """Processor time of each call."""
    taken = []
    for frame in frames:
        began = time.process_time()
        call(frame)
        taken.append(time.process_time() - began)
    return taken


def main(model: str, source: str | None) -> None:
    torch.set_num_threads(1)
    frames = real_frames(source, FRAMES) if source else blob_frames(480, 856, 0.05, FRAMES)
    tested = subject(model, frames)
    module = contenders.fixed_padding(tested.module, tested.preprocess(frames[0]))
    rival = contenders.openvino(module, tested.preprocess, frames[:CALIBRATION], int8=True)
    prepared = [rival.prepare(frame) for frame in frames]
    seen = [tested.fitted(frame) for frame in frames]
    inverted = [frame if position % 2 else 255 - frame for position, frame in enumerate(seen)]
    clips: dict[str, tuple[str, Sequence[Frame]]] = {f"stream {name}": (name, seen) for name in tested.presets}
    clips |= {"stream, all changed": ("exact", inverted), "stream, frame repeated": ("exact", [seen[0]] * FRAMES)}
    taken: dict[str, list[float]] = {rival.name: [], **{name: [] for name in clips}}
    for lap in range(ROUNDS + 1):  # the first does not count
        turn = {rival.name: seconds(rival.run, prepared)}
        for name, (fidelity, clip) in clips.items():
            zones = tested.presets[fidelity]
            stream = Stream(tested.network(zones), zones.deadband, zones.hysteresis, noise=zones.noise)
            turn[name] = seconds(stream.step, clip)[1:]
        for name, times in turn.items() if lap else ():
            taken[name] += times
    print(f"{tested.name}, {source or 'blobs'}, {cpu_name()}, kernels {kernels_in_use()}, one thread\n")
    print("| | ms, median | least | times OpenVINO | by the least |\n|---|---|---|---|---|")
    theirs = taken[rival.name]
    for name, ours in taken.items():
        ratios = f"{median(theirs) / median(ours):.2f} | {min(theirs) / min(ours):.2f}"
        print(f"| {name} | {1e3 * median(ours):.2f} | {1e3 * min(ours):.2f} | {ratios} |")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
