"""The figure of docs/performance.md: time a frame over activity, resolution and stream length, and memory.

    python scripts/performance_study.py docs/figures/performance.svg

Lite0 at the default cut, exact, synthetic blobs (see `vistream bench`). Prints its numbers as Markdown, with those of
the spiking simulator beside the stream.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vistream.atomic import replacing
from vistream.bench.clips import blob_frames
from vistream.engine.spiking.simulator import Simulator
from vistream.engine.stream.engine import Stream
from vistream.ir.network import IntegerNetwork
from vistream.quantize.named import named_network
from vistream.types import Frame

SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
SIZES = ((384, 288), (576, 432), (768, 576), (1152, 864), (1536, 1152), (1920, 1440))
LONG, WINDOW = 10_000, 250
TURN, ROUNDS = 4, 8  # frames of a turn, and turns
OURS, OTHER = "#0072b2", "#d55e00"  # Okabe and Ito's


def timed(stream: Stream, frames: Iterable[Frame]) -> Iterator[tuple[float, float]]:
    """Milliseconds and share of the dense work of every frame."""
    for frame in frames:
        began = time.perf_counter()
        work = stream.step(frame).work
        yield 1e3 * (time.perf_counter() - began), work.share


def medians(network: IntegerNetwork, cases: Sequence[tuple[tuple[int, int], float]]) -> list[tuple[float, float]]:
    """Median milliseconds and share of each (size, share of the input), which take turns: hosts have slow minutes."""
    streams, clips = [], []
    for (width, height), share in cases:
        streams.append(Stream(network))
        clips.append(blob_frames(height, width, share, TURN + 1))
        list(timed(streams[-1], clips[-1]))
    found: list[list[tuple[float, float]]] = [[] for _ in cases]
    for _ in range(ROUNDS):
        for stream, frames, results in zip(streams, clips, found, strict=True):
            results += list(timed(stream, frames))[1:]
    return [(statistics.median(ms for ms, _ in each), statistics.median(share for _, share in each)) for each in found]


def activity(axes: Axes, network: IntegerNetwork) -> None:
    """Time over the share of the dense work that was done, both as the input's activity grows."""
    print("\n| input changed | of dense work | ms a frame |\n|---|---|---|")
    found = medians(network, [((768, 576), share) for share in SHARES])
    for share, (ms, done) in zip(SHARES, found, strict=True):
        print(f"| {100 * share:g} % | {100 * done:.1f} % | {ms:.2f} |")
    times, work = (np.array(values) for values in zip(*found, strict=True))
    slope, intercept = np.polyfit(work, times, 1)
    worst = float(np.abs(intercept + slope * work - times).max())
    print(f"\nms = {intercept:.2f} + {slope:.2f} x share of dense work, at most {worst:.2f} ms off")
    axes.plot(100 * work, times, "o", color=OURS, markersize=4)
    axes.plot([0, 100], [intercept, intercept + slope], "--", color=OURS, linewidth=1)
    axes.set(title="cost follows activity (768x576)", xlabel="of dense work, %", ylabel="ms a frame", ylim=(0, None))


def resolution(axes: Axes, network: IntegerNetwork) -> None:
    """Time and memory over the number of pixels."""
    print("\n| size | ms, all changed | ms, 5 % changed | memory of the stream, MB |\n|---|---|---|---|")
    pixels = [width * height / 1e6 for width, height in SIZES]
    found = medians(network, [(size, share) for share in (1.0, 0.05) for size in SIZES])
    whole, part = ([ms for ms, _ in found[begin : begin + len(SIZES)]] for begin in (0, len(SIZES)))
    for (width, height), all_changed, changed in zip(SIZES, whole, part, strict=True):
        stream = Stream(network)
        stream.step(blob_frames(height, width, 0.0, 1)[0])
        megabytes = sum(levels.nbytes for levels in stream.state_dict()["values"].values()) / 1e6
        print(f"| {width}x{height} | {all_changed:.2f} | {changed:.2f} | {megabytes:.0f} |")
    for name, values, colour in (("all changed", whole, OTHER), ("5 % changed", part, OURS)):
        axes.plot(pixels, values, "o-", color=colour, markersize=4, label=name)
    axes.set(title="cost over resolution", xlabel="megapixels", ylabel="ms a frame")
    axes.legend(frameon=False)


def length(axes: Axes, network: IntegerNetwork) -> None:
    """Time and resident memory over a long stream of small frames."""
    frames = blob_frames(144, 192, 0.05, 500)
    stream = Stream(network)
    times, megabytes = [], []
    for position, (ms, _) in enumerate(timed(stream, itertools.islice(itertools.cycle(frames), LONG))):
        times.append(ms)
        if position % WINDOW == WINDOW - 1:
            megabytes.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    blocks = np.median(np.reshape(times, (-1, WINDOW)), 1)
    print(f"\n{LONG} frames of 192x144: median {blocks[0]:.2f} ms in the first {WINDOW}, {blocks[-1]:.2f} in the last;")
    print(f"largest resident memory {megabytes[0]:.0f} MB after the first {WINDOW}, {megabytes[-1]:.0f} at the end")
    axes.plot(np.arange(1, len(blocks) + 1) * WINDOW, blocks, color=OURS)
    axes.set(title="cost over the length of a stream (192x144)", xlabel="frame", ylabel="ms a frame", ylim=(0, None))


def stepped(network: IntegerNetwork, steps: int = 32, size: tuple[int, int] = (192, 144)) -> None:
    """The T-step simulation beside the stream, on the same frames; then as many steps as it takes to rest."""
    width, height = size
    frames = blob_frames(height, width, 0.05, 4)
    ours = list(timed(Stream(network), frames * 5))[5:]
    print(f"\n| {width}x{height}, 5 % of the input changed | ms a frame |\n|---|---|")
    print(f"| stream, exact | {statistics.median(ms for ms, _ in ours):.2f} |")
    for most in (steps, 1000):
        simulator, stream = Simulator(network, steps=most), Stream(network)
        taken, used = [], []
        for frame in frames:
            began = time.perf_counter()
            used.append(simulator.step(frame).steps)
            taken.append(1e3 * (time.perf_counter() - began))
            stream.step(frame)
        equal = torch.equal(simulator.levels(network.output), stream.levels(network.output))
        result = "the same result" if equal else "not at rest"
        print(
            f"| simulator, at most {most} steps (took {max(used[1:])}): {result} | {statistics.median(taken[1:]):.0f} |"
        )


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    path: Path = parser.parse_args().path
    network = named_network().network
    settings = {"font.size": 9, "axes.titlesize": 10, "axes.spines.top": False, "axes.spines.right": False}
    with style.context({**settings, "svg.hashsalt": "vistream"}), replacing(path) as temporary:
        figure = Figure(figsize=(6.4, 7.2), layout="constrained")
        for axes, panel in zip(figure.subplots(3), (activity, resolution, length), strict=True):
            panel(axes, network)
        figure.savefig(temporary, format="svg", metadata={"Date": None})
    stepped(network)


if __name__ == "__main__":
    main()
