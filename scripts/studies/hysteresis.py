"""Hysteresis neuron by neuron, or position by position: which spares more work, and which stays nearer to the truth?

    python scripts/studies/hysteresis.py ../shared/data --track 150

By neuron (what the program does): each level that is inside its band stays, also where a neighbour channel leaves its
own. By position: a position keeps its levels only if all of them are inside their bands, else it takes all of them
afresh. Either way a position is what is computed, so for the same set of positions both cost the same. Plain torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from common import clip_frames, mot_scores, parser_of, percent, print_table
from torch import Tensor

from vistream.engine.fidelity import PRESETS
from vistream.engine.stream.backend import Backend
from vistream.engine.stream.engine import Stream
from vistream.engine.stream.plan import LayerPlan
from vistream.engine.stream.torch_backend import TorchBackend
from vistream.engine.stream.twin.neuron import NeuronTwin
from vistream.engine.stream.twin.twin import at, store
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import Neuron
from vistream.quantize.named import named_network
from vistream.types import Frame

CLIPS = ("PETS09-S2L1", "TUD-Stadtmitte", "PETS09-S2L1-full480", "bedroom")
BANDS = {"by neuron": (1, 2, 4), "by position": (1, 2, 4, 8)}
WAYS = ("by neuron", 1), ("by neuron", 2), ("by position", 4), ("by position", 8)  # those that are tracked with
TRACKED = ("PETS09-S2L1", "TUD-Stadtmitte")
WARM = 4  # frames before any is counted: the first one is computed whole


class PositionTwin(NeuronTwin):
    """A position stays only where every one of its channels is inside the band."""

    def update(self, sources: Sequence[Tensor], index: Tensor, output: Tensor, hysteresis: int) -> tuple[Tensor, int]:
        held = at(output, index)
        super().update(sources, index, output, 0)
        fresh = at(output, index)
        moved = (fresh.to(torch.int16) - held).abs().amax(1) > hysteresis
        store(output, index, torch.where(moved[:, None], fresh, held))
        return moved, int((fresh[moved] != held[moved]).sum())


class ByPosition(TorchBackend):
    """Neuron layers with that twin."""

    def __init__(self, plans: tuple[LayerPlan, ...]) -> None:
        super().__init__(plans)
        neurons = {plan.layer.name: PositionTwin(plan) for plan in plans if isinstance(plan.layer, Neuron)}
        self._twins |= neurons


BACKENDS: dict[str, str | type[Backend]] = {"by neuron": "auto", "by position": ByPosition}


@dataclass
class Found:
    """Sums over frames: work done and possible, positions and levels that changed and all, cosine and distance."""

    frames: int = 0
    macs: int = 0
    macs_dense: int = 0
    positions: int = 0
    positions_total: int = 0
    changes: int = 0
    neurons: int = 0
    cosine: float = 0.0
    distance: float = 0.0

    def row(self) -> list[str]:
        return [
            percent(self.macs / self.macs_dense),
            percent(self.positions / self.positions_total),
            percent(self.changes / self.neurons),
            f"{self.cosine / self.frames:.4f}",
            f"{self.distance / self.frames:.2f}",
        ]


def run(network: IntegerNetwork, frames: Sequence[Frame], truth: Sequence[Tensor], stream: Stream) -> Found:
    """One way over a clip, compared with `truth`, the output levels of the exact network."""
    found, values = Found(), network.lay(*frames[0].shape[:2])
    for number, (frame, exact) in enumerate(zip(frames, truth, strict=True)):
        step = stream.step(frame)
        if number < WARM:
            continue
        for layer in step.work.layers:
            found.positions += layer.pixels
            found.positions_total += layer.pixels_total
            found.changes += layer.changes
            found.neurons += layer.pixels_total * values[layer.name].channels
        found.macs += step.work.macs
        found.macs_dense += step.work.macs_dense
        ours, theirs = step.levels.to(torch.float32), exact.to(torch.float32)
        found.cosine += float(torch.cosine_similarity(ours, theirs, 2).mean())
        found.distance += float((ours - theirs).abs().mean())
        found.frames += 1
    return found


def truth_of(network: IntegerNetwork, frames: Sequence[Frame]) -> list[Tensor]:
    stream = Stream(network)
    return [stream.step(frame).levels.clone() for frame in frames]


def stream_of(network: IntegerNetwork, way: str, band: int) -> Stream:
    """The pixels are those of the preset `high`."""
    zones = PRESETS["high"]
    return Stream(network, zones.deadband, band, BACKENDS[way], zones.noise)


def levels_table(network: IntegerNetwork, root: Path, count: int) -> None:
    def rows() -> Iterator[list[str]]:
        for clip in CLIPS:
            frames = clip_frames(root, clip, count)
            truth = truth_of(network, frames)
            for way, bands in BANDS.items():
                for band in bands:
                    found = run(network, frames, truth, stream_of(network, way, band))
                    yield [clip, way, str(band), *found.row()]

    header = ["clip", "hysteresis", "h", "of dense work", "positions reached", "levels changed"]
    print_table([*header, "cosine to exact", "distance, levels"], rows())


def tracks_table(network: IntegerNetwork, root: Path, count: int) -> None:
    def rows() -> Iterator[list[str]]:
        for clip in TRACKED:
            for way, band in WAYS:
                scores, share = mot_scores(root, clip, stream_of(network, way, band), count)
                yield [clip, way, str(band), percent(share), *(f"{value:.3f}" for value in scores.values())]

    print_table(["clip", "hysteresis", "h", "of dense work", "HOTA", "IDF1", "MOTA"], rows())


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--frames", type=int, default=16, help="frames to compare levels on; 0: none")
    parser.add_argument("--track", type=int, default=0, help="frames to track in, with public detections; 0: none")
    arguments = parser.parse_args()
    network = named_network().network
    if arguments.frames:
        levels_table(network, arguments.root, arguments.frames)
    if arguments.track:
        tracks_table(network, arguments.root, arguments.track)


if __name__ == "__main__":
    main()
