"""One clip of a dataset, run by several methods at once: its frames are read only once, and objects detected once for
all methods, but where a detector is streamed at each method's fidelity.

A method whose result is there already, made with the same settings, is left out.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

from vistream.detect.coco import KEYPOINTS
from vistream.detect.streaming import SharingDetector, StreamedDetector
from vistream.engine.fidelity import PRESETS, DeadZones
from vistream.evaluate.datasets.clips import Clip
from vistream.evaluate.datasets.ground_truth import Starts, first_boxes, first_masks, first_skeletons, true_classes
from vistream.evaluate.datasets.methods import Method, make_method
from vistream.evaluate.datasets.observed import FIRST, described, make_evaluation_observer, wanted
from vistream.evaluate.datasets.store import Finished, Writer, mark_finished, open_writer, read_finished, result_path
from vistream.machine import cores, cpu_name, version_of
from vistream.media.video.frames import Source
from vistream.pipeline.observe import Observer
from vistream.pipeline.sharing import described as described_maps
from vistream.pipeline.sharing import sharing
from vistream.pipeline.tasks import AUTO, check_fidelity
from vistream.types import Frame, Observations, Work


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run: `methods` are named fidelities and baselines; results go below the folder `output`."""

    task: str
    detections: str
    output: Path
    methods: tuple[str, ...] = ("exact",)
    model: str = AUTO
    classes: tuple[str, ...] = ()

    def folder(self, method: str) -> Path:
        """Where the results of one method lie."""
        chosen = self.detections.replace(":", "-").replace("/", "-")
        return self.output / f"{self.task}-{chosen}-{method}"


@dataclass(slots=True)
class _Running:
    """A method at work, and what it cost so far; `own`: the detector whose maps it takes for appearance."""

    tracker: Method
    observer: Observer
    own: SharingDetector | None
    folder: Path
    settings: dict[str, str]
    made: dict[str, str]
    writer: Writer | None = None
    counts: dict[str, int] = field(default_factory=lambda: {"frames": 0, "macs": 0, "macs_dense": 0})
    seconds: float = 0.0


def run_clip(clip: Clip, order: Order, on_frame: Callable[[int], None] = lambda frames: None) -> None:
    """Run what is not finished, and leave results and markers. `on_frame` is told of frames that need no more work.

    Raises VistreamError for whatever can't be opened, read or written.
    """
    with clip.open() as source:
        total = source.frame_count or 0
        observers: dict[str, Observer] = {}
        for name in order.methods:
            same = next((one for one in observers.values() if not isinstance(one.boxes, StreamedDetector)), None)
            observers[name] = same or make_evaluation_observer(
                clip, order.task, order.detections, source, order.classes, _zones(order.task, name)
            )
        fps = clip.fps or source.fps
        prepared = [_prepare(clip, order, name, observer, fps) for name, observer in observers.items()]
        running = [run for run in prepared if not _is_finished(clip, order.task, run)]
        if len(running) < len(prepared):
            on_frame(total * (len(prepared) - len(running)))
        if running:
            _run(clip, order, source, running, on_frame)


def _zones(task: str, name: str) -> DeadZones | None:
    """Those with which a method streams its detector; None where it does not."""
    return check_fidelity(task, name, None, None) if name in PRESETS else None


def _prepare(clip: Clip, order: Order, name: str, observer: Observer, fps: float | None) -> _Running:
    own = sharing(observer.boxes, order.task, order.model, name)
    model = order.model if own is None else None
    colours = isinstance(observer.boxes, StreamedDetector)
    tracker, made = make_method(name, order.task, model, fps, observer.joints or KEYPOINTS, colours)
    if own is not None:
        made["model"] = described_maps(own)
    made |= {"detector": described(order.detections, observer), "commit": commit()}
    made |= {"CPU": f"{cpu_name()}, {cores()} cores"}
    settings = {key: made[key] for key in ("model", "fidelity", "detector")}
    settings |= {"classes": ",".join(order.classes), **{k: str(v) for k, v in asdict(clip).items()}}
    return _Running(tracker, observer, own, order.folder(name), settings, made)


def _is_finished(clip: Clip, task: str, run: _Running) -> bool:
    before = read_finished(run.folder, clip)
    there = result_path(task, run.folder, clip).exists()
    return there and before is not None and dict(before.settings) == run.settings


def starts_of(clip: Clip, order: Order) -> Starts:
    """The objects that the tracker is given, by frame."""
    if order.task == "vos":
        return first_masks(clip)
    if order.task == "sot":
        return first_boxes(clip)
    return first_skeletons(clip) if order.detections == FIRST else {}


def _run(
    clip: Clip,
    order: Order,
    source: Source,
    running: list[_Running],
    on_frame: Callable[[int], None],
) -> None:
    starts = starts_of(clip, order)
    classes = order.classes or true_classes(clip)
    with ExitStack() as stack:
        for run in running:
            writer = open_writer(order.task, run.folder, clip, source.size, run.observer.joints, run.observer.images)
            run.writer = stack.enter_context(writer)
        for frame in source:
            number = frame.index - clip.start
            observers = {id(run.observer): run.observer for run in running}
            found = {key: _seen(observer, frame.image, number) for key, observer in observers.items()}
            for run in running:
                seen, work = found[id(run.observer)]
                features = None if run.own is None else run.own.features()
                seen = wanted(order.task, classes, seen)
                for identity, target in starts.get(number, ()):
                    run.tracker.add_object(target, identity)
                began = time.perf_counter()
                result = run.tracker.step(frame.image, seen, index=number, time=frame.time, features=features)
                run.seconds += time.perf_counter() - began
                work = Work(work.layers + result.work.layers)
                for name, count in (("frames", 1), ("macs", work.macs), ("macs_dense", work.macs_dense)):
                    run.counts[name] += count
                assert run.writer is not None
                run.writer.write(result)
                on_frame(1)
    for run in running:
        mark_finished(run.folder, clip, Finished(run.settings, run.made, seconds=run.seconds, **run.counts))


def _seen(observer: Observer, frame: Frame, number: int) -> tuple[Observations, Work]:
    """What is observed in a frame, and the work of a network that is streamed for it."""
    if observer.detector is None:
        return Observations.none(), Work()
    seen = observer.detector.detect(frame, number)
    return seen, observer.boxes.work if isinstance(observer.boxes, StreamedDetector) else Work()


@cache
def commit() -> str:
    """The commit of the checkout that this code runs from, or the version of the package where it is none."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return f"vistream {version_of('vistream')}"
