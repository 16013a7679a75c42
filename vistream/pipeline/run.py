"""A source, a detector and a session put together: from a video to results, frame by frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vistream.detect.box_masks import BoxMasks
from vistream.detect.coco import KEYPOINTS
from vistream.detect.streaming import StreamedDetector, Streaming
from vistream.engine.fidelity import DeadZones
from vistream.media.formats.detections.footage import Footage
from vistream.media.video.frames import Source, SourceFrame
from vistream.media.video.source import open_source
from vistream.media.video.spread import spread_frames
from vistream.pipeline.blurring import check_blur
from vistream.pipeline.checkpoint import known
from vistream.pipeline.detections import Detected, Detections
from vistream.pipeline.observe import Observer, check_scored, make_observer
from vistream.pipeline.options import check_options
from vistream.pipeline.overlap import ReadAhead
from vistream.pipeline.session import Session
from vistream.pipeline.settings import Settings
from vistream.pipeline.sharing import described, sharing
from vistream.pipeline.start import FirstObjects
from vistream.pipeline.tasks import FLOAT, check_fidelity, check_task
from vistream.segment.network import check_bits
from vistream.tracking.counting import Counter
from vistream.tracking.places import read_places, within
from vistream.tracking.speed import Speedometer, read_scale
from vistream.types import Frame, Observations, Result, Work

SAMPLES = 8  # frames that a detector may be calibrated on


@dataclass(frozen=True, slots=True)
class Memory:
    """A run between two frames: `frames` were done, the last one numbered `index`, at `time` seconds.

    `content` is what session and detector remember: the objects themselves, which the next frame changes.
    """

    frames: int
    index: int
    time: float
    content: Mapping[str, Any]


class Run:
    """One source being tracked: iterate over it for `(frame, result)` pairs. Close it in the end.

    `after`: the memory of an earlier run with the same settings, to go on with. Results are then what they would have
    been without the interruption, bit for bit, but of a live source, which has gone on meanwhile.
    """

    def __init__(self, source: str, settings: Settings, after: Memory | None = None) -> None:
        check_task(settings.task)
        check_options(settings.task, settings.changed)
        zones = check_fidelity(settings.task, settings.fidelity, settings.deadband, settings.hysteresis)
        check_bits(settings.task, settings.bits, settings.fidelity)
        first = FirstObjects(settings.init_mask, settings.init_box, settings.init_poses)
        first.check(settings.task)
        self.settings = settings
        self.done = 0 if after is None else after.frames
        self._after = after
        self._last = (0, 0.0) if after is None else (after.index, after.time)
        self.source = self._opened(source)
        try:
            self.fps = (self.source.fps or 30.0) / settings.stride
            self.observer = self._observer_of(source, zones)
            boxes = self.observer.boxes
            self._streamed = boxes if isinstance(boxes, StreamedDetector) else None
            self._sharing = sharing(boxes, settings.task, settings.model, settings.fidelity)
            self.session = self._new_session()
            if self._sharing is not None:
                self.session.model = described(self._sharing)
            self.stages = self.session.stages
            prepare = None if self._streamed is None else self._streamed.prepare
            self._detections = Detections(
                ReadAhead(self.source, self.stages, prepare),
                self._detect,
                () if after is None else after.content["ahead"],
            )
            self.places = within(read_places(settings.lines, settings.zones), self.source.size)
            self._counter = Counter(self.places)
            self._speedometer = Speedometer(None if settings.scale is None else read_scale(settings.scale))
            if after is None:
                first.give_to(self.session, self.source.size, self.observer.images)
            else:
                self._remember(after.content)
        except BaseException:
            self.source.close()
            raise

    def __iter__(self) -> Iterator[tuple[SourceFrame, Result]]:
        for given, found in self._detections:
            frame = given if self._after is None or not self.source.live else _later(given, self._after.time)
            result = self.session.step(
                frame.image, found.seen, index=frame.index, time=frame.time, features=found.features
            )
            if self._streamed is not None:
                work, activity = Work(found.work.layers + result.work.layers), either(found.recomputed, result.activity)
                result = replace(result, work=work, activity=activity)
            if self.places:
                result = replace(result, events=self._counter.step(result.tracks, result.time))
            if self.settings.scale is not None:
                tracks = self._speedometer.step(result.tracks, result.time, result.camera)
                result = replace(result, tracks=tracks)
            self.done += 1
            self._last = (frame.index, frame.time)
            self._detections.finished()
            yield frame, result

    def _detect(self, frame: SourceFrame) -> Detected:
        """What is seen in the next frame; another thread than that of the tracking may call it."""
        detector = self.observer.detector
        if detector is None:
            return Detected(Observations.none())
        with self.stages.of("detector"):
            seen = detector.detect(frame.image, frame.index)
            features = None if self._sharing is None else self._sharing.features()
        if self.settings.classes:
            seen = seen.pick([i for i, label in enumerate(seen.labels) if label in self.settings.classes])
        if self._streamed is None:
            return Detected(seen, features)
        return Detected(seen, features, self._streamed.work, self._streamed.recomputed)

    @property
    def labels(self) -> frozenset[str] | None:
        """The classes of all tracks that there can be, where that is known beforehand."""
        return self.observer.labels(self.settings.classes)

    @property
    def between(self) -> bool:
        """Whether the run is between two frames, where its memory is whole; waits for the detector, which is ahead."""
        return self._detections.between

    def memory(self) -> Memory:
        """Where the run is, `between` two frames."""
        ahead = self._detections.ahead  # first: by then nothing changes what follows
        detector = self.observer.detector
        masks = detector.memory() if isinstance(detector, BoxMasks) else None
        boxes = self.observer.boxes
        content: dict[str, object] = {"session": self.session.memory(), "masks": masks, "ahead": ahead}
        content |= {"counter": self._counter, "speedometer": self._speedometer}
        content["detector"] = boxes if known(boxes) else None
        content["levels"] = None if self._streamed is None else self._streamed.state_dict()
        return Memory(self.done, *self._last, content)

    @property
    def frame_count(self) -> int | None:
        """Frames of the whole run, those before a resumption counted too; None where unknown."""
        count = self.source.frame_count
        if count is None or self._after is None:
            return count
        return self._after.frames + count - (0 if self.source.live else 1)

    def _remember(self, content: Mapping[str, Any]) -> None:
        before = None if self.source.live else next(self.source).image  # the last frame that was done
        self.session.remember(content["session"], before)
        self._counter = content.get("counter") or self._counter
        self._speedometer = content.get("speedometer") or self._speedometer
        detector = self.observer.detector
        if self._streamed is not None:
            self._streamed.load_state_dict(content["levels"] or {})
        if isinstance(detector, BoxMasks):
            detector.detector = content["detector"] or detector.detector
            detector.remember(content["masks"])
        elif content["detector"] is not None:
            self.observer = replace(self.observer, detector=content["detector"])

    def close(self) -> None:
        """Let go of the source."""
        self._detections.close()
        self.source.close()

    def _opened(self, source: str) -> Source:
        """The source, from where an earlier run left it."""
        settings, most = self.settings, self.settings.max_frames
        return open_source(
            source,
            start=settings.start,
            stride=settings.stride,
            max_frames=None if most is None else most - self.done,
            after=None if self._after is None else self._after.index,
            reconnect=settings.reconnect,
        )

    def _observer_of(self, source: str, zones: DeadZones) -> Observer:
        """What the task looks for in each frame; raises VistreamError for what can't be found with these settings."""
        settings, live = self.settings, self.source.live
        observer = make_observer(
            settings.task,
            settings.detections,
            settings.detector,
            settings.classes,
            self.source.fps or 30.0,  # frames keep the source's numbers, whatever the stride
            Footage(self._length(), self.source.size, self.source.names, 0 if settings.zero_based else 1),
            settings.init_poses,
            settings.detector_size,
            settings.iou,
            None if settings.fidelity == FLOAT else Streaming(zones, None if live else samples_of(source)),
        )
        check_blur(settings.style.blur, observer, settings.task, settings.detections, settings.classes)
        if settings.detections is None:  # a file may lack a class by chance
            check_scored(observer, settings.conf)
        return observer

    def _new_session(self) -> Session:
        settings = self.settings
        return Session(
            settings.task,
            settings.fidelity,
            settings.model if self._sharing is None else None,
            deadband=settings.deadband,
            hysteresis=settings.hysteresis,
            fps=self.fps,
            joints=self.observer.joints or KEYPOINTS,
            conf=settings.conf,
            memory=settings.memory,
            min_hits=settings.min_hits,
            bits=settings.bits,
            close=self._streamed is not None,
        )

    def _length(self) -> int | None:
        """Frames of the whole video; unknown for a live or endless source, an estimate, and a window into one."""
        settings = self.settings
        whole = settings.start == 0 and settings.stride == 1 and not settings.max_frames
        return self.frame_count if whole and self.source.counted else None


def either(one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    """Where one or the other of two maps of a frame is true, on a grid as fine as the finer one.

    >>> either(np.array([[True, False]]), np.array([[False, False], [False, True]])).tolist()
    [[True, False], [True, True]]
    """
    if one is None or other is None:
        return other if one is None else one
    size = max(one.shape[1], other.shape[1]), max(one.shape[0], other.shape[0])
    grown = (cv2.resize(cells.view(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0 for cells in (one, other))
    return np.logical_or(*grown)


def _later(frame: SourceFrame, seconds: float) -> SourceFrame:
    return replace(frame, time=frame.time + seconds)


def samples_of(source: str) -> Callable[[], Iterator[Frame]]:
    """What gives a few frames of a source, spread over it."""
    return lambda: (frame.image for frame in spread_frames(source, SAMPLES))
