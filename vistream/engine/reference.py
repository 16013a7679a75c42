"""The `dense` rung: the whole frame through the integer network, every time. The reference result.

Plain torch convolutions on exact integers and the shared formula, nothing else. Convolutions run in float32 where no
partial sum can reach 2^24 (so every one of them is exact), else in float64. It shares no code with `stream` but the
formula, so that the two can prove each other.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from vistream.engine.deadband import Deadband
from vistream.ir.formula import mean_multiplier, pre_activation, settle
from vistream.ir.layers import (
    PIXEL_ZERO,
    Concat,
    Input,
    IntegerNetwork,
    Layer,
    MaxPool,
    Neuron,
    Synapse,
    Upsample,
)
from vistream.ir.window import Window
from vistream.types import Frame

EXACT = 2**24  # float32 holds every integer up to here


class Dense:
    """Runs whole frames. With dead zones it needs the frame before, so it has state: `reset()` forgets it."""

    def __init__(self, network: IntegerNetwork, deadband: int = 0, hysteresis: int = 0, noise: float = 0.0) -> None:
        self.network = network
        self.deadband = Deadband(deadband, noise)
        self.hysteresis = hysteresis
        self._peak = {layer.name: _peak(layer, network) for layer in network.layers}
        self._held: Tensor | None = None
        self._levels: dict[str, Tensor] = {}

    def reset(self) -> None:
        """Forget everything: the next frame is a first frame."""
        self._held = None
        self._levels = {}
        self.deadband.reset()

    def step(self, frame: Frame) -> dict[str, Tensor]:
        """The levels of every layer, int8 `[H, W, C]`, by name, for a frame of `[H, W, C]` uint8."""
        levels: dict[str, Tensor] = {}
        for layer in self.network.layers:
            levels[layer.name] = self._layer(layer, levels, frame)
        self._levels = levels
        return levels

    def _layer(self, layer: Layer, levels: dict[str, Tensor], frame: Frame) -> Tensor:
        match layer:
            case Input():
                return self._input(frame)
            case Neuron():
                charges = [self._charge(synapse, levels[synapse.source]) for synapse in layer.synapses]
                multipliers = [_multiplier(s, levels[s.source]) for s in layer.synapses]
                y = pre_activation(charges, multipliers, layer.bias)
                return settle(y, layer.lo, layer.hi, self._levels.get(layer.name), self.hysteresis)
            case MaxPool():
                source = _channels_first(levels[layer.source])
                padded = _pad(source, layer.window, -128.0)
                pooled = F.max_pool2d(padded, layer.window.kernel, layer.window.stride, 0, layer.window.dilation)
                return _channels_last(pooled)
            case Upsample():
                rows, columns = layer.factor
                return levels[layer.source].repeat_interleave(rows, 0).repeat_interleave(columns, 1)
            case Concat():
                return torch.cat([levels[source] for source in layer.sources], 2)

    def _input(self, frame: Frame) -> Tensor:
        pixels = torch.from_numpy(frame.astype("int16"))
        deadband = self.deadband.of(frame)
        if self._held is not None and deadband > 0:
            moved = (pixels - self._held).abs().amax(2, keepdim=True) > deadband
            pixels = torch.where(moved, pixels, self._held)
        self._held = pixels
        return (pixels - PIXEL_ZERO).to(torch.int8)

    def _charge(self, synapse: Synapse, source: Tensor) -> Tensor:
        """Exact integers `[H, W, O]`, in a float dtype that holds them."""
        if synapse.weight is None:
            if synapse.window is None:
                return source.to(torch.float64).sum((0, 1), keepdim=True)
            return source
        largest = int(synapse.weight.to(torch.int64).abs().sum((1, 2, 3)).max()) * self._peak[synapse.source]
        dtype = torch.float32 if largest < EXACT else torch.float64
        assert synapse.window is not None
        padded = _pad(_channels_first(source).to(dtype), synapse.window, 0.0)
        charge = F.conv2d(
            padded,
            synapse.weight.to(dtype),
            None,
            synapse.window.stride,
            0,
            synapse.window.dilation,
            synapse.groups,
        )
        return charge[0].permute(1, 2, 0)


def _multiplier(synapse: Synapse, source: Tensor) -> Tensor:
    if synapse.window is None:
        return mean_multiplier(synapse.multiplier, source.shape[0] * source.shape[1])
    return synapse.multiplier


def _peak(layer: Layer, network: IntegerNetwork) -> int:
    """The largest magnitude that a level of this layer can have."""
    by_name = {other.name: other for other in network.layers}
    match layer:
        case Input():
            return 128
        case Neuron():
            return max(-layer.lo, layer.hi)
        case _:
            return max(_peak(by_name[source], network) for source in layer.sources)


def _pad(source: Tensor, window: Window, value: float) -> Tensor:
    placed = window.place(source.shape[-2], source.shape[-1])
    return F.pad(source, (placed.left, placed.right, placed.top, placed.bottom), value=value)


def _channels_first(levels: Tensor) -> Tensor:
    return levels.permute(2, 0, 1)[None].to(torch.float32)


def _channels_last(values: Tensor) -> Tensor:
    return values[0].permute(1, 2, 0).to(torch.int8)
