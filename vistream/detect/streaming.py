"""What streamed detectors share: pictures go through an integer network, which computes what changed since the last.

The picture is made first (shrunk by area to the network's size), then goes through the dead-band and the despeckling:
so a camera's noise is averaged away before it is compared, and what is compared is small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from vistream.detect.detector import Detector
from vistream.detect.letterbox import Image
from vistream.engine.despeckle import Despeckled
from vistream.engine.fidelity import DeadZones
from vistream.engine.stream.engine import Step, Stream
from vistream.ir.network import IntegerNetwork
from vistream.types import FeatureMap, Frame, Work


@dataclass(frozen=True, slots=True)
class Streaming:
    """How a detector is streamed.

    `samples` gives a few frames of the video, spread over it, for detectors that are calibrated on the user's own
    frames; None: the video can't be looked into, so its first frame has to do.
    """

    zones: DeadZones
    samples: Callable[[], Iterable[Frame]] | None = None


@runtime_checkable
class StreamedDetector(Detector, Protocol):
    """A detector that remembers its video in the integer network's levels."""

    @property
    def work(self) -> Work:
        """What the last frame took; nothing where the network is not streamed."""

    def body(self, frame: Frame) -> PictureStream | None:
        """The stream for frames of this size, made now where it is not there yet; None where there is none."""

    def picture(self, frame: Frame) -> Image:
        """What the network sees of a frame, before dead zones: uint8 `[h, w, 3]`."""

    def state_dict(self) -> dict[str, Any]:
        """All that it remembers, as plain data and arrays."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where another one was when its `state_dict()` was `state`."""


@dataclass(frozen=True, slots=True)
class SharedFeatures(FeatureMap):
    """Maps of a detector's own network as appearance features; `recomputed`: bool `[h, w]`, where they were."""

    recomputed: NDArray[np.bool_]


@runtime_checkable
class SharingDetector(StreamedDetector, Protocol):
    """A streamed detector whose own maps tell objects apart well enough to stand in for an appearance network."""

    def features(self) -> SharedFeatures | None:
        """Of the last frame; None where the network is not streamed."""


class PictureStream:
    """Pictures of one size through an integer network; `factors`: of the hysteresis, by layer, see `Stream`."""

    def __init__(self, network: IntegerNetwork, zones: DeadZones, factors: Mapping[str, int] | None = None) -> None:
        self.network, self.zones, self.factors = network, zones, factors
        self._despeckled = Despeckled(zones)
        self._stream = Stream(network, hysteresis=zones.hysteresis, factors=factors)
        self.work = Work()
        self._scales = {neuron.name: neuron.scale for neuron in network.neurons}
        self._size: tuple[int, ...] | None = None

    def step(self, picture: Image) -> Step | None:
        """The outputs for the next picture; None where all are what they were. They hold until the next one."""
        self._size = picture.shape[:2]
        self._stream.take(self._despeckled.of(picture))
        self._stream.compute()
        step = self._stream.result()
        self.work = step.work
        return step if any(layer.changes for layer in step.work.layers) else None

    def fits(self, picture: Image) -> bool:
        """Whether a picture has the size of those before, or is the first."""
        return self._size in (None, picture.shape[:2])

    def values(self, names: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The maps of some neuron layers of one size, side by side, as real values `[h, w, C]`, and where they were
        recomputed: bool `[h, w]`."""
        maps = [self._stream.levels(name).numpy() * np.float32(self._scales[name]) for name in names]
        reached = [self._stream.reached(name).numpy() for name in names]
        return np.concatenate(maps, 2), np.logical_or.reduce(reached)

    @property
    def outputs(self) -> Step:
        """Of the last picture."""
        return self._stream.result()

    def state_dict(self) -> dict[str, Any]:
        """See `StreamedDetector`."""
        size = None if self._size is None else list(self._size)
        return {"size": size, "seen": self._despeckled.state_dict(), "levels": self._stream.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `StreamedDetector`. Raises VistreamError where it is of another network."""
        self._size = None if state["size"] is None else tuple(state["size"])
        self._despeckled.load_state_dict(state["seen"])
        self._stream.load_state_dict(state["levels"])
