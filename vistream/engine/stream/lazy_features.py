"""Lazy features: a frame as a task sees it, computed where it is asked for, and nowhere else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vistream.engine.stream.demand import spans_of
from vistream.engine.stream.engine import Stream
from vistream.engine.stream.step import Step
from vistream.stages import Stages
from vistream.types import FeatureMap, Frame


class LazyFeatures:
    """One frame in a stream, see `types.Features`; it holds until the stream takes the next one.

    `size`: (width, height) of the source's frame, in whose pixels boxes are given; the stream's may be enlarged.
    `stages`: where the time counts that computing on demand takes. `whitening`: see `types.FeatureMap`.
    """

    def __init__(
        self,
        stream: Stream,
        frame: Frame,
        size: tuple[int, int],
        stages: Stages | None = None,
        whitening: NDArray[np.float32] | None = None,
    ) -> None:
        self._stream, self._size, self._whitening = stream, size, whitening
        self._stages = stages or Stages()
        stream.take(frame)

    @property
    def step(self) -> Step:
        """What was computed of the frame so far."""
        return self._stream.result()

    @property
    def shape(self) -> tuple[int, int]:
        return self._stream.shape

    @property
    def stride(self) -> tuple[float, float]:
        rows, columns = self.shape
        return self._size[0] / columns, self._size[1] / rows

    def within(self, boxes: NDArray[np.float64] | None = None) -> FeatureMap:
        with self._stages.of("appearance"):
            self._stream.compute(None if boxes is None else spans_of(boxes, self.stride, self.shape))
        return FeatureMap(self._stream.main().values(), self.stride, whitening=self._whitening)
