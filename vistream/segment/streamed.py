"""One video through the integer form of a network: from frame to frame, what changed is recomputed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vistream.engine.fidelity import DeadZones
from vistream.engine.stream.engine import Stream
from vistream.engine.stream.step import Step
from vistream.ir.network import IntegerNetwork
from vistream.models.spike2former import Spike2Former
from vistream.models.spike2former.integer import OUTPUTS, integer_network, predictions
from vistream.models.spike2former.scores import Size
from vistream.types import Frame, Work

MASK_STRIDE = 2  # pixels of the picture to one of a mask


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a frame gave: class scores `[1, Q, N + 1]`, mask logits `[1, Q, h, w]`, whether any of them is another than
    before, the work done, and where masks were recomputed, bool `[h', w']` without the padding."""

    classes: Tensor
    masks: Tensor
    changed: bool
    work: Work
    activity: NDArray[np.bool_]


class Streamed:
    """`network` as integers; `bits` of its weights, 8 or 16. Frames of another size begin a new stream.

    With the dead zones `zones` off, what a frame gives is a function of that frame alone. `stream`: the engine's, once
    there was a frame.
    """

    def __init__(self, network: Spike2Former, zones: DeadZones, bits: int = 8) -> None:
        self.network, self.zones, self.bits = network, zones, bits
        self.stream: Stream | None = None

    def step(self, frame: Frame) -> Seen:
        """Take the next frame, uint8 `[H, W, 3]`, RGB."""
        picture = self.network.fitted(frame)
        if self.stream is None or self.stream.network.input.size != picture.shape[:2]:
            self.stream = self._made((picture.shape[0], picture.shape[1]))
        step = self._take(self.stream, picture)
        outputs = {name: torch.from_numpy(step.outputs[name].values()) for name in OUTPUTS}
        classes, masks = predictions(outputs)
        rows, columns = (-(-size // MASK_STRIDE) for size in self.network.profile.fit.resized(*frame.shape[:2]))
        changed = any(layer.changes for layer in step.work.layers if layer.name in OUTPUTS)
        return Seen(classes, masks, changed, step.work, step.recomputed[:rows, :columns].numpy().copy())

    def reset(self) -> None:
        """Forget everything: the next frame is a first frame."""
        if self.stream is not None:
            self.stream.reset()

    def state_dict(self) -> dict[str, Any]:
        """All that it remembers, as plain data and arrays. Empty before the first frame."""
        return {} if self.stream is None else self.stream.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where another one was when its `state_dict()` was `state`; raises VistreamError where it is not of
        this network."""
        self.stream = None
        if state:
            height, width = (int(size) for size in state["size"])
            self.stream = self._made((height, width))
            self.stream.load_state_dict(state)

    def _made(self, size: Size) -> Stream:
        zones = self.zones
        integers = as_integers(self.network, size, zones, self.bits)
        return Stream(integers, zones.deadband, zones.hysteresis, noise=zones.noise)

    def _take(self, stream: Stream, picture: Frame) -> Step:
        """Without a copy of what is read at once."""
        stream.take(picture)
        stream.compute()
        return stream.result()


def as_integers(network: Spike2Former, size: Size, zones: DeadZones, bits: int = 8) -> IntegerNetwork:
    """The integer form of a network for pictures of a size (rows, columns), as these dead zones need it."""
    return integer_network(network, *size, bits, held=zones.hysteresis > 0)
