"""A detector of the size of YOLOX-s, streamed, beside OpenVINO int8: 640 x 480, a still picture, one object that moves.

    python scripts/yolox_speed.py [--threads N] [--frames N] [--rounds N]

Random weights (scripts/yolox_network.py). The contenders take turns on the same frames in one process; OpenVINO is
given frames that are laid out already. Wall time, for a quiet machine, and processor time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import numpy as np
import torch
from yolox_network import random_yolox

from vistream.bench import contenders
from vistream.detect.streaming import PictureStream
from vistream.engine.fidelity import PRESETS
from vistream.kernels.library import kernels_in_use
from vistream.machine import cpu_name
from vistream.quantize.convert import converted
from vistream.quantize.ranges import Preprocess, calibrate
from vistream.quantize.trace import trace
from vistream.types import Frame

HEIGHT, WIDTH = 480, 640
OBJECT = (48, 96)  # pixels, (across, down): about 1.5 % of the picture
STEP = 6  # pixels a frame
PREPROCESS = Preprocess((114.0,) * 3, (64.0,) * 3)


def moving_object(count: int) -> list[Frame]:
    """A still picture of soft blotches, and a textured object that crosses it."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(40, 216, (HEIGHT // 16, WIDTH // 16, 3), dtype=np.uint8)
    still = coarse.repeat(16, 0).repeat(16, 1)
    across, down = OBJECT
    thing = generator.integers(0, 255, (down // 8, across // 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    frames = []
    for number in range(count):
        left = STEP * number % (WIDTH - across)
        frame = still.copy()
        frame[200 : 200 + down, left : left + across] = thing
        frames.append(frame)
    return frames


def timed(call: Callable[[Any], object], frames: Sequence[Any]) -> list[tuple[float, float]]:
    """Wall time and processor time of each call, in seconds."""
    taken = []
    for frame in frames:
        began, spent = time.perf_counter(), time.process_time()
        call(frame)
        taken.append((time.perf_counter() - began, time.process_time() - spent))
    return taken


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    frames = moving_object(arguments.frames)
    module = random_yolox()
    program = trace(module)
    ranges = calibrate(program, frames[:2], PREPROCESS)
    network = converted(program, ranges, PREPROCESS, read_out=True)[0]
    rival = contenders.openvino(module, PREPROCESS, frames[:2], int8=True)
    prepared = [rival.prepare(frame) for frame in frames]
    taken: dict[str, list[tuple[float, float]]] = {rival.name: [], **{f"stream {name}": [] for name in PRESETS}}
    shares: dict[str, list[float]] = {rival.name: [1.0], **{f"stream {name}": [] for name in PRESETS}}
    for _ in range(arguments.rounds):
        taken[rival.name] += timed(rival.run, prepared)[1:]
        for name, zones in PRESETS.items():
            stream = PictureStream(network, zones)
            taken[f"stream {name}"] += timed(stream.step, frames)[1:]
            shares[f"stream {name}"].append(stream.work.share)
    print(f"{cpu_name()}, kernels {kernels_in_use()}, {arguments.threads} threads, {WIDTH}x{HEIGHT}\n")
    print(
        "| | ms, median | times OpenVINO | processor ms | times OpenVINO | of dense work |\n|---|---|---|---|---|---|"
    )
    wall, processor = ([median(of[kind] for of in each) for each in taken.values()] for kind in (0, 1))
    for number, name in enumerate(taken):
        row = f"| {name} | {1e3 * wall[number]:.1f} | {wall[0] / wall[number]:.2f} | {1e3 * processor[number]:.1f} "
        print(f"{row}| {processor[0] / processor[number]:.2f} | {100 * np.mean(shares[name]):.0f} % |")


if __name__ == "__main__":
    main()
