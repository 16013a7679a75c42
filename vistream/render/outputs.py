"""The files that a run writes: annotated video, MOT text, JSON lines, CSV. All of them, or none half-written."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from vistream.errors import VistreamError
from vistream.formats.jsonl import JsonlWriter
from vistream.formats.mot import MotWriter
from vistream.formats.tracks_csv import TracksCsvWriter
from vistream.render.overlay import Overlay
from vistream.types import Frame, Result
from vistream.video.sink import VideoSink


@dataclass(frozen=True, slots=True)
class OutputPaths:
    """Where results go; None: not wanted."""

    video: Path | None = None
    mot: Path | None = None
    jsonl: Path | None = None
    csv: Path | None = None

    def given(self) -> list[Path]:
        """Those that are wanted; raises VistreamError if two are the same file."""
        paths = [path for path in (self.video, self.mot, self.jsonl, self.csv) if path is not None]
        if len({path.absolute() for path in paths}) < len(paths):
            raise VistreamError("two outputs have the same file name: give each its own")
        return paths


class Outputs:
    """Writes every result to every file that is wanted. `fps`, `size` (width, height): of the video.

    `picture` is the last annotated frame, drawn if a video is written or `draw` is set. As a context manager: files get
    their names when the block ends well or by Ctrl-C, and are removed after any other exception.
    """

    def __init__(self, paths: OutputPaths, fps: float, size: tuple[int, int], draw: bool = False) -> None:
        self.files = paths.given()
        self.picture: Frame | None = None
        self._overlay = Overlay(size, fps) if draw or paths.video is not None else None
        self._stack = ExitStack()
        with ExitStack() as opening:
            self._writers: list[MotWriter | JsonlWriter | TracksCsvWriter] = []
            if paths.mot is not None:
                self._writers.append(opening.enter_context(MotWriter(paths.mot)))
            if paths.csv is not None:
                self._writers.append(opening.enter_context(TracksCsvWriter(paths.csv)))
            if paths.jsonl is not None:
                self._writers.append(opening.enter_context(JsonlWriter(paths.jsonl)))
            self._sink = None if paths.video is None else opening.enter_context(VideoSink(paths.video, fps, size))
            self._stack = opening.pop_all()

    def write(self, frame: Frame, result: Result, status: str) -> None:
        """Add one frame, uint8 `[H, W, 3]`, RGB, its result, and a line of text for the picture."""
        for writer in self._writers:
            writer.write(result)
        if self._overlay is not None:
            self.picture = self._overlay.draw(frame, result, status)
            if self._sink is not None:
                self._sink.write(self.picture)

    def __enter__(self) -> Outputs:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(exception, value, trace)
