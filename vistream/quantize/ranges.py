"""Calibration: the range of real values that each neuron layer must be able to hold, seen on frames.

Per layer and frame the given percentile of the values is taken (from a fixed, evenly spaced sample of at most
`SAMPLE` of them, so that it costs little and depends on nothing but the frame); the range is the widest of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from vistream.atomic import replacing
from vistream.errors import VistreamError
from vistream.quantize.program import FloatIsland, FloatNeuron, Program
from vistream.types import Frame

SAMPLE = 1 << 16
PERCENTILE = 99.9

Ranges = dict[str, tuple[float, float]]


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


def watched(program: Program) -> dict[str, list[str]]:
    """What calibration measures: the names of ranges, by the node whose values they are the range of."""
    names: dict[str, list[str]] = {}
    for layer in program.layers:
        if isinstance(layer, FloatNeuron) or (isinstance(layer, FloatIsland) and not layer.real):
            names.setdefault(layer.node, []).append(layer.name)
        if isinstance(layer, FloatNeuron) and layer.root is not None:
            names.setdefault(layer.root, []).append(before_table(layer.name))
    return names


def before_table(name: str) -> str:
    """The name of the range of a layer's sum, where an elementwise function makes the layer's values of it."""
    return f"{name}:sum"


def _percentiles(value: Tensor, percentile: float) -> tuple[float, float]:
    flat = value.detach().flatten()
    sample = flat[:: max(1, math.ceil(len(flat) / SAMPLE))]
    tail = (100.0 - percentile) / 100.0
    low, high = torch.quantile(sample, torch.tensor([tail, 1.0 - tail], dtype=sample.dtype)).tolist()
    return low, high


def calibrate(
    program: Program, frames: Iterable[Frame], preprocess: Preprocess, percentile: float = PERCENTILE
) -> Ranges:
    """The range of every neuron layer over `frames` (uint8 `[H, W, C]`, RGB; sizes may differ).

    Raises VistreamError if there is no frame, or if a value is not finite.
    """
    names = watched(program)
    ranges: Ranges = {}
    frame = None
    with torch.no_grad():
        for frame in frames:
            for node, value in program.graph.run(preprocess(frame)):
                for name in names.get(node.name, ()):
                    low, high = _percentiles(value, percentile)
                    before = ranges.get(name, (low, high))
                    ranges[name] = (min(low, before[0]), max(high, before[1]))
    if frame is None:
        raise VistreamError("calibration needs at least one frame")
    for name, bounds in ranges.items():
        if not all(math.isfinite(bound) for bound in bounds):
            raise VistreamError(f"layer {name} gives values that are not finite: are the weights sound?")
    return ranges


def save_ranges(ranges: Ranges, path: Path) -> None:
    """Write ranges as JSON: layer name to `[low, high]`."""
    text = json.dumps({name: [round(v, 6) for v in bounds] for name, bounds in ranges.items()}, indent=1)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8", newline="\n")


def load_ranges(path: Path) -> Ranges:
    """Read what `save_ranges` wrote; raises VistreamError naming the file and what is wrong with it."""
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
        ranges = {str(name): (float(low), float(high)) for name, (low, high) in loaded.items()}
    except OSError as error:
        raise VistreamError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise VistreamError(
            f"{path}: is no calibration file; make one with: vistream calibrate SOURCE --output FILE"
        ) from None
    for name, (low, high) in ranges.items():
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise VistreamError(f"{path}: the range of layer {name} is not low <= high")
    return ranges
