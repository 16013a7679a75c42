"""One video being tracked: the network's stream and the task's memory, and nothing that outlives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vistream.buffers import take_buffers
from vistream.detect.camera_motion import CameraMotion
from vistream.detect.coco import KEYPOINTS
from vistream.detect.streaming import SharedFeatures
from vistream.engine.fidelity import PRESETS, DeadZones
from vistream.engine.float_network import FloatFeatures, FloatNetwork
from vistream.engine.frames import as_frame
from vistream.engine.stream.engine import Stream
from vistream.engine.stream.lazy_features import LazyFeatures
from vistream.errors import VistreamError
from vistream.given import real, switch, whole
from vistream.ir.network import IntegerNetwork
from vistream.ir.plain_torch import with_plain_torch
from vistream.media.video.fit import WORKING_SIZE, fit
from vistream.models.classes import ClassSet
from vistream.models.model import Cut, LoadedModel, load_model
from vistream.pipeline.tasks import (
    AUTO,
    DEEP,
    FLOAT,
    OF_APPEARANCE,
    SHORTEST,
    SMALL,
    STILL,
    TASKS,
    Follower,
    Task,
    check_fidelity,
    check_task,
    tracker_options,
)
from vistream.quantize.named import DEFAULT_MODEL, NamedNetwork, named_network
from vistream.quantize.whitening import shipped_whitening
from vistream.segment.network import DEFAULT as DEFAULT_SEGMENTATION
from vistream.segment.network import TASKS as SEGMENTING
from vistream.segment.network import check_bits, load_network
from vistream.segment.segmenter import Segmenter
from vistream.stages import Stages
from vistream.tracking.life import ANY_CLASS, Conf, Counts
from vistream.tracking.mot import MotTracker
from vistream.tracking.mots import MotsTracker
from vistream.tracking.pose import PoseTracker
from vistream.types import Frame, Observations, Result, Target

FARTHEST = 1e6
"""Pixels: farther out, or larger, is no box of any picture."""


class Session:
    """Tracks, or segments, one video, frame by frame.

    `task`: one of `TASKS` or `SEGMENTING`. `model`: a name or file as for `--model`, an `IntegerNetwork`, or None for
    no network at all (motion and overlap alone). `fidelity`: "exact", "high" or "fast"; `deadband` and `hysteresis`
    replace its numbers. Or "float": the named model before quantisation, on whole frames, as a baseline.
    `joints`: for pose, the names of the keypoints, COCO's where nothing else is said.
    `fps`: frames a second at which `step` is called, 30 where not known. `conf`: what may start a track; `min_hits`:
    in how many frames it must be found before it is reported; `memory`: seconds for which an object that is not seen
    is remembered; all for the tasks that join detections.
    `close`: whether, for mot, boxes lie close around objects, as networks give them: then colours count beside
    features, and of the model auto an early cut, on a smaller picture, says enough.
    The tasks semseg and panoptic look at no observations; `bits` of a weight are 8 or 16 for them, else 8.
    The attribute `model` says in words which network it is, `zones` what the fidelity means in numbers.
    """

    @with_plain_torch
    def __init__(
        self,
        task: str = "mot",
        fidelity: str = "exact",
        model: str | IntegerNetwork | None = AUTO,
        *,
        deadband: int | None = None,
        hysteresis: int | None = None,
        fps: float | None = None,
        joints: Sequence[str] = KEYPOINTS,
        conf: Conf | float | Mapping[str, float] = ANY_CLASS,
        memory: float | None = None,
        min_hits: int | None = None,
        bits: int = 8,
        close: bool = False,
    ) -> None:
        if not isinstance(model, str | IntegerNetwork | None):
            raise VistreamError(f"model is {model!r:.60}: a name, a file, an IntegerNetwork or None is expected")
        take_buffers()
        self.task = check_task(task)
        check_bits(task, bits, fidelity)
        self._stream: Stream | FloatNetwork | None = None
        self._tracker: Task | None = None
        self._segmenter: Segmenter | None = None
        self._camera = CameraMotion()
        self._next, self._fps = 0, None if fps is None else real("fps", fps)
        self.stages = Stages()
        presets = PRESETS if model is None else OF_APPEARANCE
        self.zones = check_fidelity(task, fidelity, deadband, hysteresis, presets)
        if task in SEGMENTING:
            name = DEFAULT_SEGMENTATION if model == AUTO else model
            zones = None if fidelity == FLOAT else self.zones
            self._segmenter = _segmenter(name, task, zones, bits)
            self.model = f"{name}, weights {self._segmenter.network.sha256[:12]} ({self._segmenter.made_with})"
            return
        memory = None if memory is None else real("memory", memory)
        min_hits = None if min_hits is None else whole("min_hits", min_hits)
        options = tracker_options(task, Conf.of(conf), memory, min_hits, switch("close", close))
        self._tracker = TASKS[task](30.0 if self._fps is None else self._fps, _names(joints), options)
        self._cut = Cut.DEEP if task in DEEP else Cut.EARLY if close and (task, model) == ("mot", AUTO) else Cut.USUAL
        self._whitening = shipped_whitening(DEFAULT_MODEL) if self._cut is Cut.EARLY else None
        model = DEFAULT_MODEL if model == AUTO else model
        if fidelity == FLOAT:
            loaded = _float_model(model, self._cut)
            self.model, self._stream = _named(loaded, self._cut), FloatNetwork(loaded)
            return
        self.model = "none" if model is None else "the caller's own"
        if isinstance(model, str):
            named = named_network(model, cut=self._cut)
            self.model, model = _named(named, self._cut), named.network
        zones = self.zones
        self._stream = None if model is None else Stream(model, zones.deadband, zones.hysteresis, noise=zones.noise)

    def reset(self) -> None:
        """Forget everything: the next frame is a first frame, of any size, and ids start at 1 again."""
        if self._stream is not None:
            self._stream.reset()
        if self._tracker is not None:
            self._tracker.reset()
        if self._segmenter is not None:
            self._segmenter.reset()
        self._camera.reset()
        self._next = 0

    @property
    def classes(self) -> ClassSet | None:
        """What the task semseg or panoptic can find in a picture; None for the tasks that track."""
        return None if self._segmenter is None else self._segmenter.classes

    @property
    def counts(self) -> Counts | None:
        """What became of the observations since the last reset; None for the tasks that look at none."""
        tracker = self._tracker
        return tracker.counts if isinstance(tracker, MotTracker | MotsTracker | PoseTracker) else None

    def add_object(self, target: Target, identity: int | None = None) -> int:
        """Follow one more object from the next frame on; returns its id.

        `target`, in the next frame: for vos its mask, bool `[H, W]`; for sot its box; for pose its keypoints, `[K, 3]`.
        `identity`: the id to be used, else the next free one.
        Raises VistreamError for a task that finds its objects by itself, and a target that won't do.
        """
        identity = None if identity is None else whole("identity", identity)
        if identity is not None and identity < 1:
            raise VistreamError(f"an object's id is a whole number from 1, not {identity}")
        return self._follower().add_object(target, identity)

    def remove_object(self, identity: int) -> None:
        """Follow an object no longer. Raises VistreamError where there is no such object."""
        self._follower().remove_object(identity)

    def _follower(self) -> Follower:
        if not isinstance(self._tracker, Follower):
            raise VistreamError(f"the task {self.task} finds its objects by itself: it can't be given any")
        return self._tracker

    def memory(self) -> dict[str, object]:
        """All that is remembered of the video, for `checkpoint`: the objects themselves, not copies."""
        streamed = self._stream if isinstance(self._stream, Stream) else self._segmenter
        return {
            "next": self._next,
            "task": self.task,
            "tracker": None if self._tracker is None else self._tracker.state_dict(),
            "camera": self._camera.state_dict(),
            "levels": {} if streamed is None else streamed.state_dict(),
        }

    def remember(self, memory: Mapping[str, Any], frame: Frame | None) -> None:
        """Go on where another session with the same options was after `frame`, when its `memory()` was `memory`.

        Without the frame (a camera's is gone) the next one is read as a whole. Raises VistreamError where `memory` is
        of another task, network or frame size.
        """
        if memory["task"] != self.task:
            raise VistreamError(f"the memory is not that of a run of the task {self.task}")
        if self._tracker is not None:
            self._tracker.load_state_dict(memory["tracker"])
        self._next = int(memory["next"])
        self._camera.load_state_dict(memory["camera"])
        streamed = self._stream if isinstance(self._stream, Stream) else self._segmenter
        if streamed is not None and frame is not None:
            streamed.load_state_dict(memory["levels"])

    def _fit(self, frame: Frame) -> Frame:
        largest = SMALL if self._cut is Cut.EARLY else WORKING_SIZE
        return fit(frame, largest, SHORTEST.get(self.task, 0))

    @with_plain_torch
    def step(
        self,
        frame: Frame,
        observations: Observations | None = None,
        *,
        index: int | None = None,
        time: float | None = None,
        features: SharedFeatures | None = None,
    ) -> Result:
        """Take the next frame, uint8 `[H, W, 3]`, RGB, or another form that `as_frame` takes, and what was seen.

        `features`: of the detector's own network, for a session without one. `index` and `time` (seconds) are carried
        into the result; without them frames are counted from 0, and time is what `fps` makes of that, if it is known.
        Raises VistreamError for what is no frame, and for observations that are none, or whose masks have another size.
        """
        frame = as_frame(frame, channels=3)
        seen = _checked(observations, frame)
        number = self._next if index is None else whole("index", index)
        if number < self._next:
            raise VistreamError(f"index is {number}: frames come in order, and the next is {self._next} or later")
        seconds = None if time is None else real("time", time)
        self._next = number + 1
        seconds = seconds if seconds is not None else number / self._fps if self._fps else 0.0
        if self._segmenter is not None:
            with self.stages.of("segmentation"):
                return self._segmenter.step(frame).result(number, seconds)
        assert self._tracker is not None
        with self.stages.of("association"):
            camera = None if self.task in STILL else self._camera.step(frame, seen.boxes)
        if self._stream is None:
            with self.stages.of("association"):
                tracks = self._tracker.step(features, seen, camera, frame)
            return Result(number, seconds, tracks, len(seen), camera=camera, seen=seen)
        with self.stages.of("appearance"):
            look = self._look(frame)
        before = self.stages.seconds["appearance"]
        with self.stages.of("association"):
            tracks = self._tracker.step(look, seen, camera, frame)
        self.stages.seconds["association"] -= self.stages.seconds["appearance"] - before
        step = look.step
        activity = step.recomputed.numpy()
        return Result(number, seconds, tracks, len(seen), step.work, activity, camera=camera, seen=seen)

    def _look(self, frame: Frame) -> LazyFeatures | FloatFeatures:
        assert self._stream is not None
        fitted, size = self._fit(frame), (frame.shape[1], frame.shape[0])
        return (
            LazyFeatures(self._stream, fitted, size, self.stages, self._whitening)
            if isinstance(self._stream, Stream)
            else self._stream.features(fitted, size, self._whitening)
        )


def _names(joints: object) -> tuple[str, ...]:
    names = tuple(joints) if isinstance(joints, Iterable) and not isinstance(joints, str) else ()
    if not names or not all(isinstance(name, str) for name in names):
        raise VistreamError(f"joints are {joints!r:.60}: the names of the keypoints are expected, in order")
    return names


def _checked(observations: Observations | None, frame: Frame) -> Observations:
    if observations is None:
        return Observations.none()
    if not isinstance(observations, Observations):
        raise VistreamError(
            f"observations are {type(observations).__name__}: give vistream.Observations(boxes, scores, labels)"
        )
    for name in ("boxes", "scores", "keypoints"):
        numbers = getattr(observations, name)
        if numbers is not None and not np.isfinite(numbers).all():
            raise VistreamError(f"{name} hold a number that is not finite")
    if (np.abs(observations.boxes) > FARTHEST).any():
        raise VistreamError(f"boxes hold a number of pixels beyond {FARTHEST:g}: no picture is as large")
    if (observations.boxes[:, 2:] < 0).any():
        raise VistreamError("boxes hold a negative width or height: each is x, y, width, height, not two corners")
    masks = observations.masks
    if masks is not None and len(masks) and masks.shape[1:] != frame.shape[:2]:
        sizes = [f"{width}x{height}" for height, width in (masks.shape[1:], frame.shape[:2])]
        raise VistreamError(f"masks are {sizes[0]}, the frame is {sizes[1]}: they must be alike")
    return observations


def _named(model: NamedNetwork | LoadedModel, cut: Cut) -> str:
    return f"{model.name}, weights {model.sha256[:12]}{', cut early' if cut is Cut.EARLY else ''}"


def _float_model(model: str | IntegerNetwork | None, cut: Cut) -> LoadedModel:
    if not isinstance(model, str) or Path(model).suffix == ".safetensors":
        raise VistreamError(f"the fidelity {FLOAT} needs the name or the file of a float model")
    return load_model(model, cut)


def _segmenter(model: str | IntegerNetwork | None, task: str, zones: DeadZones | None, bits: int) -> Segmenter:
    if not isinstance(model, str):
        raise VistreamError(f"the task {task} needs the name or the file of a network that segments")
    return Segmenter(load_network(model, task), task, zones=zones, bits=bits)
