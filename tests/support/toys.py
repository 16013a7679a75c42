"""Random small integer networks and clips for them: what the laws are tried on.

They are made directly of integers, not by the quantiser, so that they meet what real networks seldom do: ties (steps of
a power of two), levels of every range, every window, groups, layers that join, and sizes down to one pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from hypothesis import strategies as st

from vistream.engine.stream.demand import Spans
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import Concat, Input, MaxPool, Neuron, Operation, Synapse, Upsample
from vistream.ir.window import POINTWISE, Window
from vistream.types import Frame

RANGES = ((0, 7), (0, 7), (0, 1), (0, 15), (-7, 7), (-5, 3), (-128, 127))
KINDS = ("conv", "conv", "conv", "residual", "join", "maximum", "average", "mean", "upsample", "concat")


@dataclass(frozen=True)
class Toy:
    """A network, and the size of the frames that it is meant for."""

    network: IntegerNetwork
    height: int
    width: int

    @property
    def channels(self) -> int:
        return self.network.input.channels


@dataclass(frozen=True)
class _Value:
    name: str
    height: int
    width: int
    channels: int

    def same_grid(self, other: _Value) -> bool:
        return (self.height, self.width) == (other.height, other.width)


class _Maker:
    """Adds layers of drawn kinds, one at a time, each reading any of those before it."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.random = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="weights"))
        height, width = draw(st.tuples(st.integers(1, 11), st.integers(1, 11)), label="size")
        channels = draw(st.integers(1, 3), label="channels")
        self.values = [_Value("x", height, width, channels)]
        self.layers: list[Operation] = [Input("x", channels)]
        self.peaks = {"x": 128.0}

    def toy(self) -> Toy:
        first = self.values[0]
        network = IntegerNetwork.of(self.layers, 0.25)
        return Toy(network, first.height, first.width)

    def add(self, kind: str) -> None:
        name = f"{kind}{len(self.layers)}"
        source = self.draw(st.sampled_from(self.values))
        match kind:
            case "conv":
                self._neuron(name, [self._conv(source, self._window(source, 3))])
            case "average":
                window = self._window(source, 3)
                rows, columns = window.kernel
                weight = torch.full((source.channels, 1, rows, columns), 127, dtype=torch.int8)
                self._neuron(name, [self._synapse(source, weight, window, source.channels)])
            case "mean":
                multiplier = torch.full((source.channels,), self._step(self.peaks[source.name] / 8))
                self._neuron(name, [(Synapse(source.name, None, multiplier, None), (1, 1))])
            case "residual":
                self._residual(name, source)
            case "join":
                partner = self.draw(st.sampled_from([v for v in self.values if v.same_grid(source)]))
                window, outputs = self._window(source, 3), self.draw(st.integers(1, 4))
                parts = [self._conv(value, window, outputs) for value in (source, partner)]
                self._neuron(name, parts)
            case _:
                self._move(kind, name, source)

    def _move(self, kind: str, name: str, source: _Value) -> None:
        layer: Operation
        if kind == "maximum":
            window = self._pool_window(source)
            placed = window.place(source.height, source.width)
            layer, value = MaxPool(name, source.name, window), (placed.height, placed.width, source.channels)
        elif kind == "upsample":
            rows, columns = self.draw(st.tuples(st.integers(1, 2), st.integers(1, 2)))
            layer = Upsample(name, source.name, (rows, columns))
            value = (source.height * rows, source.width * columns, source.channels)
        else:
            other = self.draw(st.sampled_from([v for v in self.values if v.same_grid(source)]))
            layer = Concat(name, (source.name, other.name))
            value = (source.height, source.width, source.channels + other.channels)
        self.layers.append(layer)
        self.values.append(_Value(name, *value))
        self.peaks[name] = max(self.peaks[s] for s in layer.sources)

    def _residual(self, name: str, source: _Value) -> None:
        shortcut = self.draw(st.sampled_from([v for v in self.values if v.same_grid(source)]))
        kernel = self.draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
        branch = self._conv(source, Window(kernel, padding=None), shortcut.channels)
        multiplier = torch.full((shortcut.channels,), self._step(self.peaks[shortcut.name]))
        grid = (shortcut.height, shortcut.width)
        self._neuron(name, [branch, (Synapse(shortcut.name, None, multiplier, POINTWISE), grid)])

    def _window(self, source: _Value, largest: int) -> Window:
        """One that fits; TensorFlow's SAME always does."""
        kernel, stride, dilation = (self.draw(st.tuples(st.integers(1, n), st.integers(1, n))) for n in (largest, 2, 2))
        padding = self.draw(st.none() | st.tuples(st.integers(0, 2), st.integers(0, 2)))
        after = self.draw(st.none() | st.tuples(st.integers(0, 2), st.integers(0, 2))) if padding else None
        try:
            window = Window(kernel, stride, dilation, padding, after)
            window.place(source.height, source.width)
        except ValueError:
            return Window(kernel, stride, dilation, None)
        return window

    def _pool_window(self, source: _Value) -> Window:
        """One that has data under it everywhere: torch, too, asks for padding of at most half the kernel."""
        window = self._window(source, 3)
        if _meets_data(window, source.height, source.width):
            return window
        return Window(window.kernel, window.stride, padding=None)

    def _conv(self, source: _Value, window: Window, outputs: int | None = None) -> tuple[Synapse, tuple[int, int]]:
        limit = source.channels if outputs is None else math.gcd(source.channels, outputs)
        groups = self.draw(st.sampled_from([g for g in range(1, limit + 1) if limit % g == 0]))
        outputs = groups * self.draw(st.integers(1, 2)) if outputs is None else outputs
        shape = (outputs, source.channels // groups, *window.kernel)
        weight = torch.from_numpy(self.random.integers(-128, 128, shape, dtype=np.int8))
        return self._synapse(source, weight, window, groups)

    def _synapse(
        self, source: _Value, weight: torch.Tensor, window: Window, groups: int
    ) -> tuple[Synapse, tuple[int, int]]:
        typical = 70 * math.sqrt(weight[0].numel()) * self.peaks[source.name] / 2
        steps = [self._step(typical) for _ in range(len(weight))]
        placed = window.place(source.height, source.width)
        synapse = Synapse(source.name, weight, torch.tensor(steps), window, groups)
        return synapse, (placed.height, placed.width)

    def _step(self, typical: float) -> float:
        """A multiplier that brings a typical charge to a handful of levels: mostly a power of two, for its ties."""
        step = 2.0 ** round(math.log2(8 / typical))
        return step if self.random.random() < 0.7 else step * float(self.random.uniform(0.5, 2))

    def _neuron(self, name: str, parts: list[tuple[Synapse, tuple[int, int]]]) -> None:
        outputs = len(parts[0][0].multiplier)
        lo, hi = self.draw(st.sampled_from(RANGES))
        bias = torch.from_numpy(self.random.integers(-8, 9, outputs).astype(np.float32)) / 2
        self.layers.append(Neuron(name, tuple(synapse for synapse, _ in parts), bias, lo, hi, 0.25))
        self.values.append(_Value(name, *parts[0][1], outputs))
        self.peaks[name] = float(max(-lo, hi))


def _meets_data(window: Window, height: int, width: int) -> bool:
    """Whether no position of the window lies wholly in its padding."""
    placed = window.place(height, width)
    axes = ((placed.height, placed.top, height), (placed.width, placed.left, width))
    for axis, (outputs, before, size) in enumerate(axes):
        taps = np.arange(window.kernel[axis]) * window.dilation[axis] - before
        inputs = np.arange(outputs)[:, None] * window.stride[axis] + taps
        if not ((inputs >= 0) & (inputs < size)).any(1).all():
            return False
    return True


@st.composite
def toys(draw: st.DrawFn, most: int = 6) -> Toy:
    """Random networks of up to `most` layers behind the input, at least one of them a neuron layer."""
    maker = _Maker(draw)
    maker.add("conv")
    for kind in draw(st.lists(st.sampled_from(KINDS), max_size=most - 1), label="kinds"):
        maker.add(kind)
    return maker.toy()


@st.composite
def clips(draw: st.DrawFn, toy: Toy, most: int = 4) -> list[Frame]:
    """A few frames: a random one, then ones that repeat it, change a pixel, add noise, or cut to another scene."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="pixels"))
    shape = (toy.height, toy.width, toy.channels)
    frames: list[Frame] = [random.integers(0, 256, shape, dtype=np.uint8)]
    changes = st.lists(st.sampled_from(("same", "pixel", "noise", "cut")), min_size=1, max_size=most - 1)
    for change in draw(changes, label="changes"):
        frame = frames[-1].copy()
        if change == "pixel":
            frame[random.integers(toy.height), random.integers(toy.width)] = random.integers(256)
        elif change == "noise":
            noise = random.integers(-6, 7, shape)
            frame = np.clip(frame.astype(np.int64) + noise, 0, 255).astype(np.uint8)
        elif change == "cut":
            frame = random.integers(0, 256, shape, dtype=np.uint8)
        frames.append(frame)
    return frames


def random_spans(data: st.DataObject, height: int, width: int) -> Spans:
    """A few rectangles of a grid, empty ones too: `[N, 4]`, as `demand.Spans` says."""
    rows = st.tuples(st.integers(0, height), st.integers(0, height)).map(sorted)
    columns = st.tuples(st.integers(0, width), st.integers(0, width)).map(sorted)
    drawn = data.draw(st.lists(st.tuples(rows, columns).map(lambda span: [*span[0], *span[1]]), max_size=3))
    return np.array(drawn, np.int64).reshape(-1, 4)
