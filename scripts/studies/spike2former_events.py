"""How much of the 1/16 stage changes from frame to frame: `python scripts/studies/spike2former_events.py VIDEO [...]`.

For each group of neurons at stride 16: the share of spikes that change (what an engine of single events would add), of
blocks of 16 channels at a position in which one does, of positions (tokens) in which one does (what is recomputed), and
the same of the membranes before the neurons. The network that comes with the package on the clips, and the full-size
one with recipe weights on a picture of which a tenth changes. Means over frames after the first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from common import segmented
from spike2former_speed import changing, full_size
from torch import Tensor

from vistream.ir.operations import Neuron
from vistream.ir.value import Kind
from vistream.models.spike2former import Spike2Former, load
from vistream.segment.network import PRESETS
from vistream.segment.streamed import Streamed
from vistream.types import Frame

BLOCK = 16  # channels
STAGES = ("backbone.block3", "backbone.block4", "pixel_decoder.encoder")
Shares = tuple[float, float, float]


def shares(before: Tensor, after: Tensor) -> Shares:
    """Of `[H, W, C]`: of values, of blocks of channels, of positions that differ."""
    differ = before != after
    blocks = torch.stack([part.any(2).float().mean() for part in torch.split(differ, BLOCK, 2)]).mean()
    return float(differ.float().mean()), float(blocks), float(differ.any(2).float().mean())


def measure(network: Spike2Former, frames: Sequence[Frame], fidelity: str) -> Mapping[tuple[str, str], Shares]:
    """By stage, and by what it is: spikes or membranes."""
    streamed = Streamed(network, PRESETS[fidelity])
    found: dict[tuple[str, str], list[Shares]] = defaultdict(list)
    held: dict[str, Tensor] = {}
    for number, frame in enumerate(frames):
        streamed.step(frame)
        assert streamed.stream is not None
        for layer in streamed.stream.network.neurons:
            stage = next((stage for stage in STAGES if layer.name.startswith(stage)), None)
            if stage is None or layer.gives is Kind.REAL or layer.name.endswith(".held"):
                continue
            levels = streamed.stream.levels(layer.name)
            if number:
                found[stage, kind(layer)].append(shares(held[layer.name], levels))
            held[layer.name] = levels.clone()
    return {key: tuple(np.mean(values, 0).tolist()) for key, values in found.items()}


def kind(layer: Neuron) -> str:
    return "membranes" if layer.gives is Kind.SUMS else "spikes"


def report(title: str, network: Spike2Former, frames: Sequence[Frame]) -> None:
    """Print a table."""
    print(f"\n{title}\n\n| fidelity | stage | | values | blocks of {BLOCK} | tokens |\n|---|---|---|---|---|---|")
    for fidelity in ("exact", "high"):
        for (stage, what), found in sorted(measure(network, frames, fidelity).items()):
            print(f"| {fidelity} | {stage} | {what} | " + " | ".join(f"{100 * share:.0f} %" for share in found) + " |")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    given = segmented("Measure what changes in the 1/16 stage of Spike2Former.", 8, 256, arguments)
    for video, frames in given.clips.items():
        report(f"tiny, {video}", load("spike2former-tiny"), frames)
    if given.size:
        frames = changing(given.size, given.frames)
        report(f"full size, {given.size} x {given.size}, a tenth changed", full_size(given.size), frames)


if __name__ == "__main__":
    main()
