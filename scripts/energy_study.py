"""Counts and energy of three networks on three real clips: the tables of docs/energy.md.

    python scripts/energy_study.py DATA --into docs/energy.md

DATA is the folder of real clips. Lite0 has its ImageNet weights; the ResNets have random weights, and say what a
network of that shape does, not what a trained one would.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from vistream.atomic import replacing
from vistream.energy.counts import Counts
from vistream.energy.density import place, spikes_per_synapse
from vistream.energy.estimators import Estimator
from vistream.energy.report import Phase, phases
from vistream.energy.rows import Row
from vistream.energy.run import count_energy
from vistream.energy.units import count, joules
from vistream.ir.network import IntegerNetwork
from vistream.media.video.fit import fit
from vistream.media.video.source import open_source
from vistream.models.lite0 import MEAN as LITE0_MEAN
from vistream.models.lite0 import STD as LITE0_STD
from vistream.models.lite0 import lite0_features
from vistream.models.resnet import MEAN, STD, Depth, ResNetFeatures
from vistream.quantize.convert import quantize
from vistream.quantize.named import NamedNetwork, named_network
from vistream.quantize.ranges import Preprocess
from vistream.quantize.scales import Levels
from vistream.types import Frame

CLIPS = {
    "static": "demo/static_person_intel_one-by-one.mp4",
    "static, noisy": "mot/PETS09-S2L1/img1",
    "moving": "demo/moving_people_sam2_bedroom.mp4",
}
LEVEL_16 = Levels(7, 7)  # activations 0..7, as ViStream's checkpoint has them
COUNTED = (
    "clip",
    "network",
    "frame",
    "steps, reset / diff.",
    "dense MACs",
    "nonzero",
    "stream",
    "SOPs, reset",
    "SOPs, diff.",
    "diff. / reset",
    "spikes, diff.",
    "changes in stream",
    "changes / spikes",
    "spikes a synapse, diff.",
)
MARKS = ("<!-- study -->", "<!-- /study -->")


def lite0(frames: list[Frame]) -> IntegerNetwork:
    """As `vistream` runs it by default: ImageNet weights, activations 0..127."""
    return named_network().network


def lite0_level_16(frames: list[Frame]) -> IntegerNetwork:
    """The same weights with few levels: what a spiking network would like, though its features do not survive it."""
    return quantize(lite0_features(), frames, Preprocess(LITE0_MEAN, LITE0_STD), LEVEL_16)


def random_resnet(depth: Depth) -> Callable[[list[Frame]], IntegerNetwork]:
    """He's random weights, batch norms that have seen the clip's first frame, and about half of the activations 0.

    Without those statistics signals die on the way, and a silent network costs a spiking one nothing. The last batch
    norm of each block is small, so that one changed neuron does not change most of the others.
    """

    def make(frames: list[Frame]) -> IntegerNetwork:
        torch.manual_seed(depth)
        network = ResNetFeatures(depth)
        for name, part in network.named_modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(part, nn.BatchNorm2d):
                part.momentum = 1.0
                nn.init.constant_(part.weight, 0.25 if name.endswith("bn3" if depth == 50 else "bn2") else 1.0)
        pixels = (torch.from_numpy(frames[0]).to(torch.float32) - torch.tensor(MEAN)) / torch.tensor(STD)
        with torch.no_grad():
            network.train()(pixels.permute(2, 0, 1)[None])
        return quantize(network.eval(), frames, Preprocess(MEAN, STD), LEVEL_16)

    return make


NETWORKS: dict[str, Callable[[list[Frame]], IntegerNetwork]] = {
    "Lite0, 0..127": lite0,
    "Lite0, 0..7 (features lost)": lite0_level_16,
    "ResNet-18, 0..7, random weights": random_resnet(18),
    "ResNet-50, 0..7, random weights": random_resnet(50),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of real clips")
    parser.add_argument("--into", type=Path, help="document whose tables to replace; else they are printed")
    parser.add_argument("--size", type=int, default=96, help="longer side of the frames, pixels")
    parser.add_argument("--frames", type=int, default=4)
    parser.add_argument("--steps", type=int, default=512, help="time steps allowed a frame")
    options = parser.parse_args()
    tables = "\n".join(study(options.data, options.size, options.frames, options.steps))
    if options.into is None:
        print(tables)
        return
    text = options.into.read_text(encoding="utf-8")
    before, after = text.index(MARKS[0]) + len(MARKS[0]), text.index(MARKS[1])
    with replacing(options.into) as temporary:
        temporary.write_text(f"{text[:before]}\n{tables}\n{text[after:]}", encoding="utf-8", newline="\n")


def study(data: Path, size: int, frames: int, steps: int) -> Iterator[str]:
    """The tables, as lines of Markdown."""
    results: list[tuple[str, str, Counts]] = []
    for clip, path in CLIPS.items():
        with open_source(str(data / path), max_frames=frames) as source:
            images = [(frame.index, np.ascontiguousarray(fit(frame.image, (size, size)))) for frame in source]
        for name, make in NETWORKS.items():
            network = NamedNetwork(name, make([images[0][1]]), "")
            results.append((clip, name, count_energy(images, network, clip, steps).counts))
            print(f"{clip}: {name}", flush=True)
    yield f"\n{frames} consecutive frames, longer side {size} pixels; at most {steps} time steps a frame.\n"
    yield from _counts_table(results)
    yield ""
    yield from _energy_table(results)


def _counts_table(results: list[tuple[str, str, Counts]]) -> Iterator[str]:
    yield f"| {' | '.join(COUNTED)} |"
    yield f"|---|---|---|{'---:|' * (len(COUNTED) - 3)}"
    for clip, name, counts in results:
        for phase in phases(counts):
            yield f"| {clip} | {name} | {_frame(phase)} | {' | '.join(_counted(counts, phase))} |"


def _counted(counts: Counts, phase: Phase) -> Iterator[str]:
    yield f"{_steps(phase, Row.RESET)} / {_steps(phase, Row.DIFFERENTIAL)}"
    yield from (count(phase.figures(row, counts).macs) for row in (Row.DENSE, Row.SKIPPING, Row.STREAM))
    frames = len(phase.frames)
    layers = [layer for frame in phase.frames for layer in frame.layers]
    reset = sum(layer.reset.sops for layer in layers) / frames
    onward = sum(layer.differential.sops for layer in layers) / frames
    spikes = sum(layer.differential.spikes for layer in layers) / frames
    changes = sum(layer.changes for layer in layers) / frames
    density = sum(spikes_per_synapse(Row.DIFFERENTIAL, counts, frame) for frame in phase.frames) / frames
    yield from (count(reset), count(onward), _ratio(onward, reset), count(spikes), count(changes))
    yield _ratio(changes, spikes)
    yield f"{density:.2f}, {place(density)}"


def _energy_table(results: list[tuple[str, str, Counts]]) -> Iterator[str]:
    yield f"| clip | network | frame | joules by | {' | '.join(row.value for row in Row)} | the differential SNN |"
    yield f"|---|---|---|---|{'---:|' * len(Row)}---|"
    for clip, name, counts in results:
        for phase in phases(counts):
            for estimator in Estimator:
                figures = {row: phase.figures(row, counts).energy(estimator) for row in Row}
                cells = " | ".join(joules(value) for value in figures.values())
                yield f"| {clip} | {name} | {_frame(phase)} | {estimator.name} | {cells} | {_words(figures)} |"


def _words(figures: dict[Row, float]) -> str:
    spiking = figures[Row.DIFFERENTIAL]
    better = [row.value for row, value in figures.items() if value < spiking]
    return f"is beaten by {', '.join(better)}" if better else "is beaten by none"


def _steps(phase: Phase, row: Row) -> str:
    outcomes = [frame.reset if row is Row.RESET else frame.differential for frame in phase.frames]
    late = sum(not outcome.rested for outcome in outcomes)
    longest = str(max(outcome.steps for outcome in outcomes))
    return f"{longest} (NOT AT REST: {late} of {len(outcomes)})" if late else longest


def _frame(phase: Phase) -> str:
    return "first" if phase.name.startswith("first") else "later"


def _ratio(part: float, whole: float) -> str:
    return f"{part / whole:.2f}" if whole else "none"


if __name__ == "__main__":
    main()
