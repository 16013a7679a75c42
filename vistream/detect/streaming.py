"""What streamed detectors share: pictures go through an integer network, which computes what changed since the last.

The picture is made first (shrunk by area to the network's size), then goes through the dead-band and the despeckling:
so a camera's noise is averaged away before it is compared, and what is compared is small.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from vistream.detect.detector import Detector
from vistream.detect.letterbox import Cells, Image, Placement
from vistream.engine.despeckle import Despeckled
from vistream.engine.fidelity import DeadZones
from vistream.engine.stream.demand import spans_of
from vistream.engine.stream.engine import Stream
from vistream.engine.stream.step import Step
from vistream.ir.network import IntegerNetwork
from vistream.ir.plain_torch import with_plain_torch
from vistream.kernels.normalising import normalise
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

    @property
    def recomputed(self) -> Cells | None:
        """Where of the last frame the layer that costs most was recomputed, `[h, w]`; None: it is not streamed."""

    def body(self, frame: Frame) -> PictureStream | None:
        """The stream for frames of this size, made now where it is not there yet; None where there is none."""

    def picture(self, frame: Frame) -> Image:
        """What the network sees of a frame, before dead zones: uint8 `[h, w, 3]`."""

    def prepare(self, frame: Frame) -> None:
        """Make the picture of a frame that `detect` will be given soon; another thread than that may call it."""

    def state_dict(self) -> dict[str, Any]:
        """All that it remembers, as plain data and arrays."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from where another one was when its `state_dict()` was `state`."""


KEPT = 8  # pictures made ahead, at the most: more than any reader is ahead
LEAST_DEVIATION = 0.05  # levels: a channel that is the same everywhere says nothing
SPARSE = 4  # every so many rows and columns count for the mean


class SharedFeatures:
    """Maps of a detector's own network as appearance features, normalised by channel, see `types.Features`.

    `levels`: int8 `[h, w, C]` each, of one size. `whitening`: of all channels, see `quantize.whitening`.
    Maps behind a leaky ReLU all resemble each other: what tells objects apart is how they differ from the mean of the
    frame, over the deviation.
    """

    def __init__(
        self,
        levels: Sequence[NDArray[np.int8]],
        stride: tuple[float, float],
        whitening: NDArray[np.float32] | None = None,
    ) -> None:
        self._levels, self._whitening = levels, whitening
        self.stride = stride

    @property
    def shape(self) -> tuple[int, int]:
        return self._levels[0].shape[0], self._levels[0].shape[1]

    def within(self, boxes: NDArray[np.float64] | None = None) -> FeatureMap:
        rows, columns = self.shape
        values = np.zeros((rows, columns, sum(part.shape[2] for part in self._levels)), np.float32)
        whole = np.array([[0, rows, 0, columns]])
        spans = whole if boxes is None else spans_of(boxes, self.stride, self.shape)
        first = 0
        for levels in self._levels:
            normalise(levels, spans, values[:, :, first : first + levels.shape[2]], SPARSE, LEAST_DEVIATION)
            first += levels.shape[2]
        return FeatureMap(values, self.stride, whitening=self._whitening)


@runtime_checkable
class SharingDetector(StreamedDetector, Protocol):
    """A streamed detector whose own maps tell objects apart well enough to stand in for an appearance network."""

    def features(self) -> SharedFeatures | None:
        """Of the last frame; None where the network is not streamed."""


class Prepared:
    """Pictures that were made ahead, in order, each with the placement of its frame."""

    def __init__(self) -> None:
        self._made: deque[tuple[Frame, tuple[Image, Placement]]] = deque(maxlen=KEPT)

    def put(self, frame: Frame, made: tuple[Image, Placement]) -> None:
        """Keep what was made of a frame."""
        self._made.append((frame, made))

    def take(self, frame: Frame) -> tuple[Image, Placement] | None:
        """What was made of this very frame; None where nothing was."""
        while self._made:
            shown, made = self._made.popleft()
            if shown is frame:
                return made
        return None


class PictureStream:
    """Pictures of one size through an integer network; `factors`: of the hysteresis, by layer, see `Stream`."""

    def __init__(self, network: IntegerNetwork, zones: DeadZones, factors: Mapping[str, float] | None = None) -> None:
        self.network, self.zones, self.factors = network, zones, factors
        self._despeckled = Despeckled(zones)
        self._stream = Stream(network, hysteresis=zones.hysteresis, factors=factors)
        self.work = Work()
        self._size: tuple[int, int] | None = None

    @with_plain_torch
    def step(self, picture: Image) -> Step | None:
        """The outputs for the next picture; None where all are what they were. They hold until the next one."""
        self._size = (picture.shape[0], picture.shape[1])
        self._stream.take(self._despeckled.of(picture))
        self._stream.compute()
        step = self._stream.result()
        self.work = step.work
        return step if any(layer.changes for layer in step.work.layers) else None

    def fits(self, picture: Image) -> bool:
        """Whether a picture has the size of those before, or is the first."""
        return self._size in (None, picture.shape[:2])

    def shared(
        self,
        names: Sequence[str],
        size: tuple[int, int],
        stride: tuple[float, float],
        whitening: NDArray[np.float32] | None = None,
    ) -> SharedFeatures:
        """The maps of some neuron layers of one grid, up to `size` (rows, columns), as features of such a stride."""
        rows, columns = size
        levels = [self._stream.levels(name).numpy()[:rows, :columns].copy() for name in names]
        return SharedFeatures(levels, stride, whitening)

    def recomputed(self, placement: Placement, frame: tuple[int, int]) -> Cells | None:
        """See `StreamedDetector`: of a frame of so many rows and columns that lies so in the last picture."""
        if self._size is None:  # there was none yet
            return None
        cells = self._stream.reached(self._stream.costliest).numpy()
        return placement.over_frame(cells, self._size, frame).copy()

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
        self._size = None if state["size"] is None else (state["size"][0], state["size"][1])
        self._despeckled.load_state_dict(state["seen"])
        self._stream.load_state_dict(state["levels"])
