"""The tasks of a session: what each makes its tracker of, and which are special in what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from vistream.engine.fidelity import PRESETS, DeadZones, dead_zones, refuse_dead_zones
from vistream.errors import VistreamError
from vistream.pipeline.observe import FOLLOWING
from vistream.segment.network import TASKS as SEGMENTING
from vistream.segment.network import segmentation_zones
from vistream.tracking.life import Conf
from vistream.tracking.mot import MotConfig, MotTracker
from vistream.tracking.mots import MotsConfig, MotsTracker
from vistream.tracking.pose import PoseConfig, PoseTracker
from vistream.tracking.sot import SotTracker
from vistream.tracking.vos import VosTracker
from vistream.types import Features, Frame, Observations, Target, Track, Warp


class Task(Protocol):
    """What turns features and observations into tracks."""

    def step(
        self,
        features: Features | None,
        observations: Observations,
        camera: Warp | None = None,
        frame: Frame | None = None,
    ) -> tuple[Track, ...]: ...

    def reset(self) -> None: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


@runtime_checkable
class Follower(Task, Protocol):
    """A task that follows what it is given, instead of (or beside) what a detector sees."""

    def add_object(self, target: Target, identity: int | None = None) -> int: ...

    def remove_object(self, identity: int) -> None: ...


Options = Mapping[str, Any]
"""Fields of a tracker's configuration that differ from its defaults."""
TASKS: dict[str, Callable[[float, Sequence[str], Options], Task]] = {
    "mot": lambda fps, joints, options: MotTracker(MotConfig(**options), fps),
    "mots": lambda fps, joints, options: MotsTracker(MotsConfig(**options), fps),
    "pose": lambda fps, joints, options: PoseTracker(PoseConfig(**options), fps, joints),
    "vos": lambda fps, joints, options: VosTracker(),
    "sot": lambda fps, joints, options: SotTracker(),
}
"""The tasks that track; those of `SEGMENTING` say what pixels show."""
AUTO = "auto"
"""The model that comes with the package, for each task its own."""
STILL = ("vos",)
"""The tasks that need not know how the camera moves."""
SHORTEST = {"vos": 480, "sot": 480}
"""Pixels: smaller frames are enlarged for these tasks, whose objects would cover too few cells."""
SMALL = (416, 416)
"""(width, height), pixels: of the picture on which the early cut tells objects apart, as well as the usual one on whole
frames does with close boxes, at a fifth of the work: docs/studies.md."""
PLAIN = ("vos", "pose", "sot")
"""The tasks whose presets have no dead zones, because these cost masks, skeletons and single objects more than they
save: see docs/tasks.md."""
OF_APPEARANCE = PRESETS | {"fast": PRESETS["high"]}
"""Presets of a network that tells objects apart and is computed where they are: there wider zones save next to nothing,
and cost identities (docs/studies.md)."""
FLOAT = "float"
"""The fidelity beside the presets: the network before quantisation, whole frames."""
DEEP = ("vos", "pose", "sot")
"""The tasks that take the deeper cut of a network, because dense matching gains much by it: see docs/tasks.md."""


COLOUR = 0.5
"""The share of colours in what appearance says, where boxes lie close around objects: see docs/studies.md."""


def tracker_options(task: str, conf: Conf, memory: float | None, min_hits: int | None, close: bool = False) -> Options:
    """What the user asks of a tracker; raises VistreamError where the task joins no detections, and for less
    than no memory."""
    if memory is not None and memory < 0.0:
        raise VistreamError(f"memory is {memory:g} seconds: it must not be negative")
    options: dict[str, Any] = {} if memory is None else {"track_buffer": memory, "away": memory, "exact_buffer": memory}
    options |= {} if min_hits is None else {"min_hits": min_hits}
    options |= {} if conf.any is None else {"conf_thres": conf.any}
    options |= {"class_conf": conf.classes} if conf.classes else {}
    if options and task in FOLLOWING:
        raise VistreamError(f"the task {task} follows what it is given: --conf, --min-hits and --memory are for others")
    return {**options, "colour": COLOUR} if close and task == "mot" else options


def check_fidelity(
    task: str,
    fidelity: str,
    deadband: int | None,
    hysteresis: int | None,
    presets: Mapping[str, DeadZones] = PRESETS,
) -> DeadZones:
    """What a fidelity means in numbers, the baseline included; raises VistreamError if the task has none such, and for
    numbers of the baseline, which has no dead zones.

    `presets`: a detector's, or `OF_APPEARANCE`, for the tasks that have any.

    >>> [check_fidelity(task, "fast", None, None).deadband for task in ("mot", "sot")]
    [4, 0]
    >>> check_fidelity("mot", "fast", None, None, OF_APPEARANCE)
    DeadZones(deadband=4, hysteresis=1, noise=6.0)
    >>> check_fidelity("sot", "fast", 3, None)
    DeadZones(deadband=3, hysteresis=0, noise=0.0)
    """
    if task in SEGMENTING:
        return segmentation_zones(fidelity, deadband, hysteresis) or DeadZones()
    if fidelity == FLOAT:
        refuse_dead_zones(fidelity, deadband, hysteresis)
        return DeadZones()
    presets = dict.fromkeys(PRESETS, DeadZones()) if task in PLAIN else presets
    return dead_zones(fidelity, deadband, hysteresis, presets)


def check_task(task: str) -> str:
    """`task`, if it is there; raises VistreamError if not."""
    known = (*TASKS, *SEGMENTING)
    if task not in known:
        raise VistreamError(f"no task is called {task!r}: it is one of {', '.join(known)}")
    return task
