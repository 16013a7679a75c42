"""How near the kernels come to what this CPU can do, by kind of layer: `python scripts/roofline.py [MODEL] [SOURCE]`.

One thread, every pixel changed; a layer's time is the least thread CPU time of all frames, which other programs disturb
least. The limit is measured by the same kernels: the rate of a 3x3 convolution of 256 to 256 channels whose maps stay
in the second-level cache, where next to nothing but dot products is done.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from vistream.bench.clips import blob_frames, real_frames
from vistream.bench.measure import LayerClock
from vistream.bench.subjects import subject
from vistream.engine.fidelity import DeadZones
from vistream.engine.stream.engine import Stream
from vistream.engine.stream.plan import LayerPlan
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import Neuron
from vistream.kernels.library import kernels_in_use
from vistream.machine import cpu_name
from vistream.quantize.convert import convert
from vistream.quantize.ranges import Preprocess, calibrate
from vistream.quantize.trace import trace
from vistream.types import Frame

ROUNDS = 12


def kind_of(plan: LayerPlan) -> str:
    """Such as `3x3 depthwise`, or `identity + 1x1` where terms are added."""
    if not isinstance(plan.layer, Neuron):
        return type(plan.layer).__name__
    terms = []
    for synapse in plan.synapses:
        if synapse.weight is None or synapse.place is None:
            terms.append("identity")
        else:
            rows, columns = synapse.place.window.kernel
            terms.append(f"{rows}x{columns}" + (" depthwise" if synapse.depthwise else ""))
    return " + ".join(terms)


def least_seconds(network: IntegerNetwork, frames: Sequence[Frame]) -> dict[str, tuple[str, float, int]]:
    """By layer: its kind, the least thread CPU time of an update, and the multiply-accumulates of one."""
    clock = LayerClock(time.thread_time)
    stream = Stream(network, backend=clock.backend)
    stream.step(frames[0])
    clock.clear()
    for position in range(ROUNDS):
        stream.step(frames[(position + 1) % len(frames)])
    found: dict[str, tuple[str, float, int]] = {}
    for plan, seconds, done in clock.updates:
        kind, before, _ = found.get(plan.layer.name, (kind_of(plan), seconds, 0))
        found[plan.layer.name] = kind, min(before, seconds), done.macs
    return found


def limit() -> float:
    """Multiply-accumulates a second of the layer that does little else."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 256, 1), nn.ReLU(), nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.Conv2d(256, 16, 1), nn.ReLU()
    ).eval()
    first = blob_frames(32, 32, 0.5, 2)[0]
    preprocess = Preprocess((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    program = trace(module)
    network = convert(program, calibrate(program, [first], preprocess), preprocess)
    layers = least_seconds(network, [first, 255 - first])
    return max(macs / seconds for _, seconds, macs in layers.values())


def main(model: str, source: str | None) -> None:
    torch.set_num_threads(1)
    frames = real_frames(source, 2) if source else blob_frames(480, 856, 0.05, 2)
    tested = subject(model, frames)
    first, second = (tested.fitted(frame) for frame in frames[:2])
    layers = least_seconds(tested.network(DeadZones()), [first, np.asarray(255 - second, np.uint8)])
    most = limit()
    print(
        f"{cpu_name()}, kernels {kernels_in_use()}, 1 thread; limit {most / 1e9:.0f} G multiply-accumulates a second\n"
    )
    kinds: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for kind, seconds, macs in layers.values():
        kinds[kind][0] += seconds
        kinds[kind][1] += macs
    kinds["all"] = [sum(row[column] for row in kinds.values()) for column in (0, 1)]
    print("| layers | ms | G multiply-accumulates | G a second | of the limit |\n|---|---|---|---|---|")
    for kind, (spent, done) in kinds.items():
        rate = done / spent
        print(f"| {kind} | {1e3 * spent:.2f} | {done / 1e9:.2f} | {rate / 1e9:.0f} | {100 * rate / most:.0f} % |")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "efficientnet-lite0", sys.argv[2] if len(sys.argv) > 2 else None)
