"""One video being tracked: the network's stream and the task's memory, and nothing that outlives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from vistream.errors import VistreamError
from vistream.quantize.layers import IntegerNetwork
from vistream.quantize.named import DEFAULT_MODEL, named_network
from vistream.stream.engine import Stream
from vistream.tasks.fidelity import dead_zones
from vistream.tasks.mot import MotTracker
from vistream.types import FeatureMap, Frame, Observations, Result, Track
from vistream.video.fit import fit


class Task(Protocol):
    """What turns features and observations into tracks."""

    def step(self, features: FeatureMap | None, observations: Observations) -> tuple[Track, ...]: ...

    def reset(self) -> None: ...


TASKS: dict[str, Callable[[float], Task]] = {"mot": lambda fps: MotTracker(fps=fps)}
PLANNED = ("mots", "pose", "vos", "sot")


class Session:
    """Tracks one video, frame by frame.

    `task`: "mot". `model`: a name or file as for `--model`, an `IntegerNetwork`, or None for no network at all (motion
    and overlap alone). `fidelity`: "exact", "high" or "fast"; `deadband` and `hysteresis` replace its numbers.
    `fps`: frames a second at which `step` is called, 30 where not known.
    """

    def __init__(
        self,
        task: str = "mot",
        fidelity: str = "exact",
        model: str | IntegerNetwork | None = DEFAULT_MODEL,
        *,
        deadband: int | None = None,
        hysteresis: float | None = None,
        fps: float | None = None,
    ) -> None:
        self.task = check_task(task)
        self.zones = dead_zones(fidelity, deadband, hysteresis)
        if isinstance(model, str):
            model = named_network(model).network
        self._stream = None if model is None else Stream(model, self.zones.deadband, self.zones.hysteresis)
        self._tracker = TASKS[task](fps or 30.0)
        self._next = 0

    def reset(self) -> None:
        """Forget everything: the next frame is a first frame, of any size, and ids start at 1 again."""
        if self._stream is not None:
            self._stream.reset()
        self._tracker.reset()
        self._next = 0

    def step(
        self,
        frame: Frame,
        observations: Observations | None = None,
        *,
        index: int | None = None,
        time: float | None = None,
    ) -> Result:
        """Take the next frame, uint8 `[H, W, 3]`, RGB, and what a detector saw in it.

        `index` and `time` (seconds) are carried into the result; without them frames are counted from 0.
        """
        seen = Observations.none() if observations is None else observations
        number = self._next if index is None else index
        self._next = number + 1
        seconds = 0.0 if time is None else time
        if self._stream is None:
            return Result(number, seconds, self._tracker.step(None, seen), len(seen))
        step = self._stream.step(fit(frame))
        tracks = self._tracker.step(step.features(frame), seen)
        return Result(number, seconds, tracks, len(seen), step.work, step.recomputed.numpy())


def check_task(task: str) -> str:
    """`task`, if it is there; raises VistreamError if not."""
    if task in PLANNED:
        raise VistreamError(f"the task {task!r} is not there yet: this version tracks boxes, with --task mot")
    if task not in TASKS:
        raise VistreamError(f"no task is called {task!r}: it is one of {', '.join(TASKS)}")
    return task
