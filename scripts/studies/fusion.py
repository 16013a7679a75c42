"""Would fusing a block of Lite0 (expand, depthwise, project) pay? A bound, from bytes and measured times.

    OMP_NUM_THREADS=1 python scripts/studies/fusion.py ../shared/data

A fused block goes tile by tile and never writes the two wide layers between its ends, so it saves their memory traffic,
and computes the halo of every tile again. The bound takes the saved bytes at the measured bandwidth of a copy of 8 MB,
and the halo at the measured time of the expansion. Then what a fused block loses: without the levels between, nothing
in a block can turn out not to have changed, and whatever is reached needs the expansion under its whole window. One
thread, its CPU time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from common import clip_frames, parser_of, percent, print_table
from recording import Done, Mask, logs_of

from vistream.bench.clips import blob_frames
from vistream.engine.stream.plan import LayerPlan, make_plan
from vistream.engine.stream.spread import spread
from vistream.ir.footprint import Place
from vistream.ir.network import IntegerNetwork
from vistream.quantize.named import named_network

SIZE = (576, 768)
TILES = (4, 8, 16)
TILE = 8
CLIPS = ("PETS09-S2L1", "TUD-Stadtmitte", "PETS09-S2L1-full480")


@dataclass(frozen=True)
class Block:
    """The layers of an inverted residual that has an expansion."""

    expand: LayerPlan
    depthwise: LayerPlan
    project: LayerPlan

    @property
    def name(self) -> str:
        return self.expand.layer.name.rsplit(".", 1)[0].removeprefix("_")

    @property
    def layers(self) -> tuple[LayerPlan, LayerPlan, LayerPlan]:
        return self.expand, self.depthwise, self.project

    @property
    def place(self) -> Place:
        """The depthwise window over the expansion."""
        place = self.depthwise.synapses[0].place
        assert place is not None
        return place

    def halo(self, side: int) -> float:
        """How many times a position of the expansion is computed where tiles have `side` x `side` outputs."""
        kernel, stride = self.place.window.kernel[0], self.place.window.stride[0]
        return float(((side - 1) * stride + kernel) ** 2 / (side * stride) ** 2)

    def wide_bytes(self) -> int:
        """Traffic of the layers between: each is written, what was held is read, and it is read by the next one."""
        return sum(3 * layer.height * layer.width * layer.channels for layer in (self.expand, self.depthwise))


def blocks(network: IntegerNetwork, height: int, width: int) -> list[Block]:
    plans = {plan.layer.name: plan for plan in make_plan(network, height, width)}
    stems = [name.removesuffix("_expand_conv") for name in plans if name.endswith("_expand_conv")]
    return [Block(*(plans[f"{stem}_{part}_conv"] for part in ("expand", "depthwise", "project"))) for stem in stems]


def bandwidth(megabytes: float) -> float:
    """Bytes a second, read and written, of a copy of that size."""
    source = np.ones(int(megabytes * 1e6), np.uint8)
    target = np.empty_like(source)
    times, repeats = [], max(1, int(64 / megabytes))
    for _ in range(9):
        began = time.thread_time()
        for _ in range(repeats):
            np.copyto(target, source)
        times.append((time.thread_time() - began) / repeats)
    return float(2 * len(source) / statistics.median(times))


def bound(network: IntegerNetwork, speed: float) -> Iterator[list[str]]:
    """Whole frames, everything changed: what fusing could save at most."""
    (log,) = logs_of(network, [("exact", blob_frames(*SIZE, 1.0, 24))])
    spent = {name: 1e3 * statistics.median(done[name].seconds for done in log) for name in log[0]}
    total, gained = sum(spent.values()), dict.fromkeys(TILES, 0.0)
    for block in blocks(network, *SIZE):
        expand, *others = (spent[layer.layer.name] for layer in block.layers)
        saved = 1e3 * block.wide_bytes() / speed
        cells = [block.name, f"{block.wide_bytes() / 1e6:.1f}", f"{expand + sum(others):.2f}", f"{saved:.2f}"]
        for side in TILES:
            extra = (block.halo(side) - 1) * expand
            gained[side] += saved - extra
            cells.append(f"{block.halo(side):.2f}: {saved - extra:+.2f}")
        yield cells
    shown = (f"{gain:+.2f} ({total / (total - gain):.2f} x)" for gain in gained.values())
    yield ["all of a frame", "", f"{total:.2f}", "", *shown]


def windows_of(mask: Mask, place: Place) -> Mask:
    """The inputs that the windows of the outputs in the mask look at."""
    placed, window = place.placed, place.window
    full = torch.zeros((1, 1, place.height + placed.top + placed.bottom, place.width + placed.left + placed.right))
    kernel = torch.ones((1, 1, *window.kernel))
    outputs = torch.from_numpy(mask)[None, None].to(torch.float32)
    found = F.conv_transpose2d(outputs, kernel, stride=window.stride)
    full[:, :, : found.shape[2], : found.shape[3]] = found
    inside = full[0, 0, placed.top : placed.top + place.height, placed.left : placed.left + place.width]
    return np.asarray(inside.numpy() > 0)


def rounded(mask: Mask, side: int) -> Mask:
    """The mask, grown to whole tiles."""
    rows, columns = (np.arange(size) // side for size in mask.shape)
    tiles = np.zeros((rows[-1] + 1, columns[-1] + 1), np.bool_)
    np.logical_or.at(tiles, (rows[:, None], columns[None]), mask)
    return tiles[rows[:, None], columns[None]]


def work(block: Block, done: dict[str, Done]) -> tuple[int, int, int]:
    """Multiply-accumulates of the block for one frame: layer by layer; fused by position; fused by tiles."""
    apart = sum(int(done[layer.layer.name].reached.sum()) * layer.macs for layer in block.layers)
    changed = done[block.expand.layer.name].reached  # the expansion is pointwise: its inputs that changed
    reached = spread(torch.from_numpy(changed), block.place).numpy()
    fused = []
    for mask in (reached, rounded(reached, TILE)):
        expanded = int(windows_of(mask, block.place).sum())
        fused.append(expanded * block.expand.macs + int(mask.sum()) * (block.depthwise.macs + block.project.macs))
    return apart, fused[0], fused[1]


def losses(network: IntegerNetwork, root: Path, count: int) -> Iterator[list[str]]:
    for clip in CLIPS:
        frames = clip_frames(root, clip, count)
        for fidelity in ("exact", "high"):
            (log,) = logs_of(network, [(fidelity, frames)])
            own = blocks(network, *frames[0].shape[:2])
            dense = sum(layer.height * layer.width * layer.macs for block in own for layer in block.layers)
            shares = [np.sum([work(block, done) for block in own], 0) / dense for done in log]
            yield [clip, fidelity, *(percent(float(share)) for share in np.mean(shares, 0))]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--frames", type=int, default=20)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network = named_network().network
    speeds = {megabytes: bandwidth(megabytes) for megabytes in (0.1, 1.0, 8.0, 64.0)}
    shown = ", ".join(f"{speed / 1e9:.1f} GB/s at {megabytes:g} MB" for megabytes, speed in speeds.items())
    print(f"copying, read and written: {shown}")
    header = [
        "block",
        "MB of the wide layers",
        "ms",
        "of which at most saved",
        *(f"tiles of {t}: halo, ms" for t in TILES),
    ]
    print_table(header, bound(network, speeds[8.0]))
    header = ["clip", "fidelity", "of the blocks' dense work, layer by layer", "fused, by position"]
    print_table([*header, f"fused, tiles of {TILE}"], losses(network, arguments.root, arguments.frames))


if __name__ == "__main__":
    main()
