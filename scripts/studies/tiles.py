"""Skip by position or by tile? Positions that tiles would add, beside what a scattered position costs.

    OMP_NUM_THREADS=1 python scripts/studies/tiles.py ../shared/data

First: time of a position by the kernels on synthetic masks, scattered singly or in blobs, for some layers alone (what a
call takes for a single position is subtracted). Then on real clips: the share of the work by position and by tiles of
4, 8 and 16 (a tile is computed if any of its positions must be), and the time of a frame beside what the tiles would
take if each of their positions cost as little as where everything changes, which favours tiles; what a frame takes in
which one pixel changes is added to that. One thread, its own CPU time, so that other programs disturb it less; medians.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from common import clip_frames, parser_of, percent, print_table
from recording import WARM, Log, Mask, RecordedStream, logs_of

from vistream.bench.clips import blob_frames
from vistream.engine.stream.plan import make_plan
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import Input, Neuron
from vistream.quantize.named import named_network
from vistream.types import Frame

TILES = (1, 4, 8, 16)
CLIPS = ("PETS09-S2L1", "TUD-Stadtmitte", "PETS09-S2L1-full480", "bedroom")
LAYERS = {
    "_blocks.0._depthwise_conv": (288, 384),
    "_blocks.1._expand_conv": (288, 384),
    "_blocks.2._depthwise_conv": (144, 192),
    "_blocks.2._project_conv": (144, 192),
    "_blocks.4._expand_conv": (72, 96),
    "_blocks.4._depthwise_conv": (72, 96),
}
"""And the size of their inputs, [height, width], in frames of 768x576."""
SHARES = (0.05, 0.1, 0.3)
BLOB = 8  # positions a side


def alone(network: IntegerNetwork, name: str) -> IntegerNetwork:
    """A network of that layer, fed by pixels of as many channels."""
    (layer,) = (neuron for neuron in network.neurons if neuron.name == name)
    synapse = layer.synapses[-1]  # the one with weights
    own = replace(layer, synapses=(replace(synapse, source="x"),))
    assert synapse.weight is not None
    channels = synapse.weight.shape[1] * synapse.groups
    return IntegerNetwork.of((Input("x", channels), own), layer.scale)


def flicker(channels: int, mask: Mask, count: int) -> list[Frame]:
    """A picture that changes under the mask in every frame, and back."""
    generator = np.random.default_rng(0)
    picture = generator.integers(40, 200, (*mask.shape, channels), dtype=np.uint8)
    return [picture + (frame % 2) * mask[:, :, None].astype(np.uint8) * np.uint8(30) for frame in range(count)]


def scattered(height: int, width: int, share: float) -> Mask:
    return np.random.default_rng(1).random((height, width)) < share


def blobs(height: int, width: int, share: float) -> Mask:
    return scattered(height // BLOB, width // BLOB, share).repeat(BLOB, 0).repeat(BLOB, 1)


def one(height: int, width: int) -> Mask:
    mask = np.zeros((height, width), np.bool_)
    mask[height // 2, width // 2] = True
    return mask


def seconds(network: IntegerNetwork, name: str, mask: Mask) -> tuple[float, Mask]:
    """Of one frame in which the mask's inputs change, the median; and the positions that they reach."""
    stream = RecordedStream(network)
    log = [stream.step(frame) for frame in flicker(network.input.channels, mask, 84)]
    return float(np.median([done[name].seconds for done in log[WARM:]])), log[-1][name].reached


def densities(layer: Neuron, share: float) -> tuple[float, float]:
    """The shares of single inputs, and of blobs, that reach about `share` of the positions."""
    window = layer.synapses[-1].window
    assert window is not None
    side = window.kernel[0]
    return 1.0 - (1.0 - share) ** (1.0 / side**2), share * (BLOB / (BLOB + side - 1)) ** 2


def synthetic(network: IntegerNetwork) -> Iterator[list[str]]:
    for name, (height, width) in LAYERS.items():
        single = alone(network, name)
        call, _ = seconds(single, name, one(height, width))

        def price(
            mask: Mask, single: IntegerNetwork = single, name: str = name, call: float = call
        ) -> tuple[float, str]:
            taken, reached = seconds(single, name, mask)
            nanoseconds = 1e9 * (taken - call) / reached.sum()
            return nanoseconds, f"{nanoseconds:.0f} ({percent(float(reached.mean()))})"

        cells = [name, f"{1e6 * call:.0f}", price(np.ones((height, width), np.bool_))[1]]
        for share in SHARES:
            salt, blob = densities(single.neurons[0], share)
            apart, shown_apart = price(scattered(height, width, salt))
            together, shown_together = price(blobs(height, width, blob))
            cells += [shown_apart, shown_together, f"{apart / together:.1f}"]
        yield cells


def tiled(mask: Mask, side: int) -> int:
    """Positions in tiles of `side` x `side` of which any position is in the mask (the last ones may be cut)."""
    rows, columns = (np.arange(0, size, side) for size in mask.shape)
    busy = np.logical_or.reduceat(np.logical_or.reduceat(mask, rows, 0), columns, 1)
    heights, widths = np.diff(np.append(rows, mask.shape[0])), np.diff(np.append(columns, mask.shape[1]))
    return int((busy * heights[:, None] * widths).sum())


def layer_seconds(log: Log) -> dict[str, float]:
    return {name: float(np.median([done[name].seconds for done in log])) for name in log[0]}


def real(network: IntegerNetwork, root: Path, count: int) -> Iterator[list[str]]:
    for clip in CLIPS:
        frames = clip_frames(root, clip, count)
        height, width = frames[0].shape[:2]
        macs = {plan.layer.name: plan.macs for plan in make_plan(network, height, width)[1:]}
        everything, pixel = blob_frames(height, width, 1.0, count), flicker(3, one(height, width), count)
        runs = [("exact", everything), ("exact", pixel), ("exact", frames), ("high", frames)]
        whole, still, *logs = logs_of(network, runs)
        fixed, sizes = layer_seconds(still), {name: whole[0][name].reached.size for name in macs}
        price = {name: (taken - fixed[name]) / sizes[name] for name, taken in layer_seconds(whole).items()}
        dense = sum(sizes[name] * macs[name] for name in macs)
        for (fidelity, _), log in zip(runs[2:], logs, strict=True):
            taken = 1e3 * float(np.median([sum(done[name].seconds for name in macs) for done in log]))
            cells = [clip, fidelity, f"{taken:.1f}"]
            for side in TILES:
                counts = [{name: tiled(done[name].reached, side) for name in macs} for done in log]
                share = np.mean([sum(found[name] * macs[name] for name in macs) for found in counts]) / dense
                bounds = [sum(found[name] * price[name] + fixed[name] for name in macs) for found in counts]
                cells.append(f"{percent(float(share))}, {1e3 * float(np.median(bounds)):.1f}")
            yield cells


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--frames", type=int, default=28)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network = named_network().network
    header = ["layer", "us a call", "ns a position, all changed"]
    for share in SHARES:
        header += [f"{100 * share:.0f} %: apart", "in blobs", "ratio"]
    print_table(header, synthetic(network))
    header = ["clip", "fidelity", "ms a frame, taken"]
    header += ["by position: of dense work, ms at the all-changed price", *(f"tiles of {side}" for side in TILES[1:])]
    print_table(header, real(network, arguments.root, arguments.frames))


if __name__ == "__main__":
    main()
