"""Whole frames, operation by operation."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from vistream.engine.deadband import Deadband
from vistream.engine.fidelity import scaled
from vistream.engine.reference.table import REFERENCE
from vistream.ir.network import IntegerNetwork
from vistream.ir.operations import PIXEL_ZERO, Input, Neuron
from vistream.ir.plain_torch import with_plain_torch
from vistream.ir.value import Value
from vistream.types import Frame


class Dense:
    """Runs whole frames. With dead zones it needs the frame before, so it has state: `reset()` forgets it.

    Arguments are those of the stream.
    """

    def __init__(
        self,
        network: IntegerNetwork,
        deadband: int = 0,
        hysteresis: int = 0,
        noise: float = 0.0,
        factors: Mapping[str, float] | None = None,
    ) -> None:
        self.network = network
        self.deadband = Deadband(deadband, noise)
        self.hysteresis = hysteresis
        self._factors = factors or {}
        self._values: dict[str, Value] = {}
        self._held: Tensor | None = None
        self._levels: dict[str, Tensor] = {}

    def reset(self) -> None:
        """Forget everything: the next frame is a first frame."""
        self._held = None
        self._levels = {}
        self.deadband.reset()

    @with_plain_torch
    def step(self, frame: Frame) -> dict[str, Tensor]:
        """Every value, `[H, W, C]`, by name, for a frame of `[H, W, C]` uint8.

        int8 levels, exact int32 sums or float32. Raises VistreamError where the frame's size does not suit the network.
        """
        first = self._values.get(self.network.input.name)
        if first is None or first.grid != frame.shape[:2]:
            self._values = self.network.lay(*frame.shape[:2])
        levels: dict[str, Tensor] = {}
        for layer in self.network.layers:
            if isinstance(layer, Input):
                levels[layer.name] = self._input(frame)
                continue
            sources = [levels[name] for name in layer.sources]
            value = REFERENCE[type(layer)](layer, [self._values[name] for name in layer.sources], sources)
            if isinstance(layer, Neuron):
                value = layer.activation(value, self._levels.get(layer.name), self._hysteresis(layer.name))
            levels[layer.name] = value.contiguous()
        self._levels = levels
        return levels

    def _hysteresis(self, name: str) -> int:
        return scaled(self.hysteresis, self._factors.get(name, 1))

    def _input(self, frame: Frame) -> Tensor:
        pixels = torch.from_numpy(frame.astype("int16"))
        deadband = self.deadband.of(frame)
        if self._held is not None and deadband > 0:
            moved = (pixels - self._held).abs().amax(2, keepdim=True) > deadband
            pixels = torch.where(moved, pixels, self._held)
        self._held = pixels
        return (pixels - PIXEL_ZERO).to(torch.int8)
