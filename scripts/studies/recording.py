"""What every layer of a stream did in every frame: its time, and the positions that it recomputed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vistream.engine.fidelity import PRESETS
from vistream.engine.stream.backend import Backend, EachAlone
from vistream.engine.stream.choose_backend import backend_class
from vistream.engine.stream.engine import Stream
from vistream.engine.stream.plan import LayerPlan
from vistream.ir.network import IntegerNetwork
from vistream.types import Frame

WARM = 4  # frames that do not count: the first one is computed whole
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Done:
    """What one layer did for one frame: seconds, and the positions that were recomputed."""

    seconds: float
    reached: Mask


def recorder(into: list[dict[str, Done]]) -> type[Backend]:
    """The backend that is the best here, noting what every layer does; a new entry for every frame."""
    base = backend_class()

    class Recorder(EachAlone, base):  # type: ignore[valid-type, misc]  # the class is chosen at run time
        def read(self, frame: Frame, deadband: int) -> int:
            into.append({})
            moved: int = super().read(frame, deadband)
            return moved

        def update(self, plan: LayerPlan, *rest: object) -> tuple[int, int]:
            began = time.thread_time()
            done: tuple[int, int] = super().update(plan, *rest)
            seconds = time.thread_time() - began
            into[-1][plan.layer.name] = Done(seconds, self.reached(plan.layer.name).numpy())
            return done

    return Recorder


Log = list[dict[str, Done]]


def logs_of(network: IntegerNetwork, runs: Sequence[tuple[str, Sequence[Frame]]]) -> list[Log]:
    """What every layer did in every frame but the first ones, by run: a fidelity, and its frames.

    The runs take turns frame by frame, so that a slow moment of the machine is one for all of them.
    """
    logs: list[Log] = [[] for _ in runs]
    streams = []
    for (fidelity, _), log in zip(runs, logs, strict=True):
        zones = PRESETS[fidelity]
        streams.append(Stream(network, zones.deadband, zones.hysteresis, recorder(log), zones.noise))
    for frames in zip(*(frames for _, frames in runs), strict=True):
        for stream, frame in zip(streams, frames, strict=True):
            stream.step(frame)
    return [log[WARM:] for log in logs]
