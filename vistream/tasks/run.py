"""A source, a detector and a session put together: from a video to results, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from vistream.detect.choose import make_detector
from vistream.detect.detector import Detector
from vistream.detect.from_file import FileDetector
from vistream.detect.selection import Selection
from vistream.errors import VistreamError
from vistream.quantize.named import DEFAULT_MODEL
from vistream.tasks.session import Session, check_task
from vistream.types import Result
from vistream.video.frames import Source, SourceFrame
from vistream.video.source import open_source


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that decides what `track` gives, as the command line names it."""

    task: str = "mot"
    model: str = DEFAULT_MODEL
    detections: Path | None = None
    detector: str = "auto"
    fidelity: str = "exact"
    deadband: int | None = None
    hysteresis: float | None = None
    start: int = 0
    stride: int = 1
    max_frames: int | None = None
    classes: tuple[str, ...] = ()


class Run:
    """One source being tracked: iterate over it for `(frame, result)` pairs. A context manager."""

    def __init__(self, source: str, settings: Settings) -> None:
        check_task(settings.task)
        self.settings = settings
        self.source: Source = open_source(
            source, start=settings.start, stride=settings.stride, max_frames=settings.max_frames
        )
        try:
            self.fps = (self.source.fps or 30.0) / settings.stride
            self.detector = _detector(settings, self.fps, self.source)
            self.session = Session(
                settings.task,
                settings.fidelity,
                settings.model,
                deadband=settings.deadband,
                hysteresis=settings.hysteresis,
                fps=self.fps,
            )
        except BaseException:
            self.source.close()
            raise

    def __iter__(self) -> Iterator[tuple[SourceFrame, Result]]:
        for frame in self.source:
            seen = self.detector.detect(frame.image, frame.index)
            if self.settings.classes:
                seen = seen.pick([i for i, label in enumerate(seen.labels) if label in self.settings.classes])
            yield frame, self.session.step(frame.image, seen, index=frame.index, time=frame.time)

    def close(self) -> None:
        """Let go of the source."""
        self.source.close()


def track(source: str | Path, task: str = "mot", **options: object) -> Iterator[Result]:
    """Track a video: one `Result` a frame, as soon as it is known.

    `source`: a video file, camera index, stream URL, image folder or glob; `options`: the fields of `Settings`.
    Raises VistreamError, at once, for whatever can't be opened or is not known.
    """
    known = Settings.__dataclass_fields__
    unknown = [name for name in options if name not in known]
    if unknown:
        raise VistreamError(f"track has no option {unknown[0]!r}: it has {', '.join(known)}")
    run = Run(str(source), replace(Settings(task=task), **options))  # type: ignore[arg-type]  # names are checked
    return _results(run)


def _results(run: Run) -> Iterator[Result]:
    with closing(run):
        for _, result in run:
            yield result


def _detector(settings: Settings, fps: float, source: Source) -> Detector:
    if settings.detections is not None:
        if settings.detector != "auto":
            raise VistreamError("give either detections (a file) or a detector, not both")
        # a live or endless source knows no number of frames; neither does a window into one
        frames = (
            source.frame_count if settings.start == 0 and settings.stride == 1 and not settings.max_frames else None
        )
        return FileDetector(settings.detections, frames)
    selection = Selection(classes=frozenset(settings.classes) if settings.classes else None)
    return make_detector(settings.detector, fps, selection)
