"""What every layer of a stream did in every frame: its time, and the positions that it recomputed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vistream.bench.measure import LayerClock
from vistream.engine.fidelity import PRESETS, DeadZones
from vistream.engine.stream.engine import Stream
from vistream.ir.network import IntegerNetwork
from vistream.types import Frame

WARM = 4  # frames that do not count: the first one is computed whole
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Done:
    """What one layer did for one frame: seconds, and the positions that were recomputed."""

    seconds: float
    reached: Mask


Log = list[dict[str, Done]]


class RecordedStream:
    """A stream of which every layer's thread CPU time, and the positions that it recomputes, are noted."""

    def __init__(self, network: IntegerNetwork, zones: DeadZones = PRESETS["exact"]) -> None:
        self._clock = LayerClock(time.thread_time)
        self._stream = Stream(network, zones.deadband, zones.hysteresis, self._clock.backend, zones.noise)

    def step(self, frame: Frame) -> dict[str, Done]:
        """Take one frame: what every layer did, by name."""
        self._clock.clear()
        self._stream.step(frame)
        seconds = self._clock.by_layer()
        return {name: Done(taken, self._stream.reached(name).numpy()) for name, taken in seconds.items()}


def logs_of(network: IntegerNetwork, runs: Sequence[tuple[str, Sequence[Frame]]]) -> list[Log]:
    """What every layer did in every frame but the first ones, by run: a fidelity, and its frames.

    The runs take turns frame by frame, so that a slow moment of the machine is one for all of them.
    """
    logs: list[Log] = [[] for _ in runs]
    streams = [RecordedStream(network, PRESETS[fidelity]) for fidelity, _ in runs]
    for frames in zip(*(frames for _, frames in runs), strict=True):
        for stream, log, frame in zip(streams, logs, frames, strict=True):
            log.append(stream.step(frame))
    return [log[WARM:] for log in logs]
