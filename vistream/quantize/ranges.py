"""Calibration: the range of real values that each neuron layer must be able to hold, seen on frames.

Per layer and frame some percentiles of the values are tried, and the one is taken that loses least: a narrow range cuts
off the largest values, a wide one has coarse levels. What is rare may be what the network is for, as a peak in a map of
key points is. The range of a layer is the widest of those of all frames. (Percentiles are those of a fixed, evenly
spaced sample of at most `SAMPLE` values, so that they cost little and depend on nothing but the frame.)
Where it is asked for, the smallest, the largest and the mean value of each channel of a map are kept beside that.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor

from vistream.atomic import replacing
from vistream.errors import VistreamError
from vistream.quantize.program import FloatIsland, FloatNeuron, Program
from vistream.types import Frame

SAMPLE = 1 << 16
PERCENTILES = (99.9, 99.99, 100.0)
STEPS = 127  # from one end of a range to the other, at the least
SMALLEST = 2.0**-100  # what is less is silence: float32 must hold products and quotients of steps


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`; `lows`, `highs` and `means` are those of each channel, or empty where that is not known.

    `seen`: how many frames the means are over.
    """

    low: float
    high: float
    lows: tuple[float, ...] = ()
    highs: tuple[float, ...] = ()
    means: tuple[float, ...] = ()
    seen: int = 1

    @property
    def is_sound(self) -> bool:
        """Whether all its bounds are numbers, and as many of each kind."""
        channels = (self.lows, self.highs, self.means)
        alike = len({len(bounds) for bounds in channels}) == 1 and self.low <= self.high
        return alike and all(map(math.isfinite, chain((self.low, self.high), *channels)))

    def joined(self, other: Range) -> Range:
        """What holds both."""
        lows, highs = map(min, self.lows, other.lows), map(max, self.highs, other.highs)
        seen = self.seen + other.seen
        means = ((a * self.seen + b * other.seen) / seen for a, b in zip(self.means, other.means, strict=True))
        low, high = min(self.low, other.low), max(self.high, other.high)
        return Range(low, high, tuple(lows), tuple(highs), tuple(means), seen)


Ranges = dict[str, Range]


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How the float network wants its pixels: `(x - mean) / std` per channel, in grey levels 0..255, RGB."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, frame: Frame) -> Tensor:
        """uint8 `[H, W, C]` to float32 `[1, C, H, W]`."""
        pixels = torch.from_numpy(frame).permute(2, 0, 1)[None].to(torch.float32)
        mean, std = (torch.tensor(v, dtype=torch.float32)[:, None, None] for v in (self.mean, self.std))
        return (pixels - mean) / std


def watched(program: Program, by_channel: bool = False) -> dict[str, list[str]]:
    """What calibration measures: the names of ranges, by the node whose values they are the range of."""
    names: dict[str, list[str]] = {}
    neurons = [layer for layer in program.layers if isinstance(layer, FloatNeuron)]
    weighed = {term.source for layer in neurons for term in layer.sum.terms if term.weight is not None}
    for layer in program.layers:
        decides = isinstance(layer, FloatNeuron) or (isinstance(layer, FloatIsland) and not layer.real)
        if decides or (by_channel and layer.name in weighed):  # of these the mean is wanted
            names.setdefault(layer.node, []).append(layer.name)
        if isinstance(layer, FloatNeuron) and layer.root is not None:
            names.setdefault(layer.root, []).append(before_table(layer.name))
    return names


def before_table(name: str) -> str:
    """The name of the range of a layer's sum, where an elementwise function makes the layer's values of it."""
    return f"{name}:sum"


def _range(value: Tensor, percentiles: Sequence[float], by_channel: bool) -> Range:
    unit = max(float(value.abs().max()), SMALLEST)
    low, high = min(_bounds(value.flatten(), percentiles), key=partial(_lost, value, unit))
    if not by_channel:
        return Range(low, high)
    lows, highs, means = value.amin((0, 2, 3)), value.amax((0, 2, 3)), value.mean((0, 2, 3))
    return Range(low, high, tuple(lows.tolist()), tuple(highs.tolist()), tuple(means.tolist()))


def _bounds(flat: Tensor, percentiles: Sequence[float]) -> list[tuple[float, float]]:
    """Which ranges there are to choose from, the narrowest first."""
    sample = flat[:: max(1, math.ceil(len(flat) / SAMPLE))]
    tails = torch.tensor([(100.0 - percentile) / 100.0 for percentile in percentiles if percentile < 100.0])
    inner = torch.quantile(sample, torch.cat([tails, 1.0 - tails]).to(sample.dtype)).reshape(2, -1)
    found = list(zip(*inner.tolist(), strict=True))
    return [*found, (float(flat.min()), float(flat.max()))] if 100.0 in percentiles else found


def _lost(value: Tensor, unit: float, bounds: tuple[float, float]) -> float:
    """The mean square of what a range of `bounds` cuts off, and of what rounding to its levels adds, in a `unit` of the
    layer's own: squares of what is tiny would be 0."""
    low, high = bounds
    cut = float(((value - value.clamp(low, high)) / unit).square().mean())
    return cut + ((high - low) / unit / STEPS) ** 2 / 12


def calibrate(
    program: Program,
    frames: Iterable[Frame],
    preprocess: Preprocess,
    percentiles: Sequence[float] = PERCENTILES,
    by_channel: bool = False,
) -> Ranges:
    """The range of every neuron layer over `frames` (uint8 `[H, W, C]`, RGB; sizes may differ).

    `percentiles`, of the values of a layer in a frame: one of them is taken for its range.
    `by_channel`: that of each channel as well, which gives a network nearer to the float one, with finer levels in all
    its quiet channels, so that more of them change from frame to frame: what detectors want.
    Raises VistreamError if there is no frame, or if a value is not finite.
    """
    names = watched(program, by_channel)
    maps = {
        name: (1, channels)
        for layer, channels in program.channels.items()
        if by_channel and layer not in program.views
        for name in (layer, before_table(layer))
    }
    ranges: Ranges = {}
    frame = None
    with torch.no_grad():
        for frame in frames:
            for node, value in program.graph.run(preprocess(frame)):
                wanted = names.get(node.name, [])
                if wanted and not bool(value.isfinite().all()):
                    raise VistreamError(f"layer {wanted[0]} gives values that are not finite: are the weights sound?")
                for name in wanted:
                    found = _range(value, percentiles, value.dim() == 4 and value.shape[:2] == maps.get(name))
                    ranges[name] = ranges[name].joined(found) if name in ranges else found
    if frame is None:
        raise VistreamError("calibration needs at least one frame")
    return ranges


def save_ranges(ranges: Ranges, path: Path) -> None:
    """Write ranges as JSON: layer name to `[low, high]`, or to `[low, high, lows, highs, means]`."""
    lines = [f"{json.dumps(name)}: {json.dumps(_row(found), separators=(',', ':'))}" for name, found in ranges.items()]
    text = "{\n" + ",\n".join(lines) + "\n}"
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8", newline="\n")


def _row(found: Range) -> list[object]:
    """Of channels three digits are more than a level needs. What is small keeps as many digits as what is large."""
    low, high = (round(bound, 6) if abs(bound) >= 1.0 else float(f"{bound:.7g}") for bound in (found.low, found.high))
    channels = [[float(f"{value:.3g}") for value in values] for values in (found.lows, found.highs, found.means)]
    return [low, high, *(channels if found.lows else ())]


def load_ranges(path: Path) -> Ranges:
    """Read what `save_ranges` wrote; raises VistreamError naming the file and what is wrong with it."""
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
        ranges = {str(name): _loaded(*row) for name, row in loaded.items()}
    except OSError as error:
        raise VistreamError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise VistreamError(
            f"{path}: is no calibration file; make one with: vistream calibrate SOURCE --output FILE"
        ) from None
    for name, found in ranges.items():
        if not found.is_sound:
            raise VistreamError(f"{path}: the range of layer {name} is not low <= high")
    return ranges


def _loaded(low: float, high: float, *channels: Sequence[float]) -> Range:
    lows, highs, means = (tuple(map(float, values)) for values in channels or ((), (), ()))
    return Range(float(low), float(high), lows, highs, means)
