"""The files that a run writes: annotated video, tracks and class maps. All of them, or none half-written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from types import TracebackType

from vistream.errors import VistreamError
from vistream.media.formats.exports.crops import CropsWriter
from vistream.media.formats.jsonl import JsonlWriter, Keep, read_results, recorded
from vistream.media.video.frames import SourceFrame
from vistream.media.video.sink import VideoSink
from vistream.pipeline.drawing import Drawing, Drawn
from vistream.pipeline.gaps import GapFiller
from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.run import Run
from vistream.pipeline.writers import Writer, map_writers, result_writers
from vistream.render.heatmap import HeatMap
from vistream.render.overlay import Overlay
from vistream.render.style import concealed
from vistream.types import Frame, Result


class Outputs:
    """Writes every result of a run to every file that is wanted.

    What the run's style is to blur is blurred in all pictures. Frames are drawn if a video is written or `draw` is set,
    and given to `drawn`, see `Drawing`. As a context manager: files get their names when the block ends well or by
    Ctrl-C, and are removed after any other exception; then with JSON lines among them, these and the part of the video
    stay, since that is what a resumption needs.
    `keep`: go on after so many frames, which fill so many bytes of the JSON lines: everything else is written again
    from those, and their results are handed to `before`.
    Gaps that the run is to fill (`interpolate`) are filled in the text files, afterwards; JSON lines, video and masks
    show what was known at the time. `layers`: the JSON lines have the work of each. `sound`: of the video.
    """

    def __init__(
        self,
        paths: OutputPaths,
        run: Run,
        draw: bool = False,
        *,
        layers: bool = False,
        sound: Path | None = None,
        keep: Keep | None = None,
        before: Callable[[Result], None] = lambda _: None,
        drawn: Drawn | None = None,
    ) -> None:
        if keep is not None and paths.crops is not None:
            raise VistreamError("best shots can't be gone on with: resume without --crops-dir, or begin anew")
        self.files = paths.given()
        settings, size = run.settings, run.source.size
        self._blur = settings.style.blur
        self._drawing: Drawing | None = None
        self._overlay: Overlay | None = None
        if draw or paths.video is not None:
            self._overlay = Overlay(size, run.fps, run.observer.joints, run.places, settings.style)
        self._stack = ExitStack()
        with ExitStack() as opening:
            self._gaps = GapFiller(settings.interpolate) if settings.interpolate else None
            self._lines: JsonlWriter | None = None
            if paths.jsonl is not None:
                lines = JsonlWriter(paths.jsonl, keep=keep, layers=layers)
                self._lines = opening.enter_context(lines)
            self._writers: list[Writer] = []
            for writer in result_writers(paths, run):
                opening.enter_context(writer)
                self._writers.append(writer)
            self._crops = None if paths.crops is None else opening.enter_context(CropsWriter(paths.crops))
            self._heat = None if paths.heat_map is None else opening.enter_context(HeatMap(paths.heat_map, size))
            self._maps = list(map_writers(paths, size))  # whole after every frame: there is nothing to close
            times: list[float] = []
            if keep is not None and paths.jsonl is not None:
                times += self._write_again(paths.jsonl, keep.frames, before)
            if self._overlay is not None:
                film, resumable = paths.video, paths.jsonl is not None
                sink = None if film is None else _sink(film, run, times, sound, resumable)
                self._drawing = opening.enter_context(Drawing(self._overlay, sink, drawn, run.stages))
            self._stack = opening.pop_all()

    def _write_again(self, path: Path, frames: int, before: Callable[[Result], None]) -> list[float]:
        """What the results of an earlier run fill beside its JSON lines; gives their times."""
        times = []
        for result in islice(read_results(path), frames):
            self._write_texts(result)
            if self._overlay is not None:
                self._overlay.follow(result)
            if self._heat is not None:
                self._heat.follow(result)
            before(result)
            times.append(result.time)
        return times

    @property
    def picture(self) -> Frame | None:
        """The last annotated frame, if any was drawn yet."""
        return None if self._drawing is None else self._drawing.picture

    def flushed(self) -> int:
        """Bytes of the JSON lines, all of them on the disk, and every picture drawn.

        Raises VistreamError if they have gone, or never were.
        """
        if self._lines is None:
            raise VistreamError("a run without JSON lines can't be resumed")
        if self._drawing is not None:
            self._drawing.flush()
        return self._lines.flushed()

    def write(self, frame: SourceFrame, result: Result, status: str) -> None:
        """Add one frame, its result, and a line of text for the picture."""
        image = concealed(frame.image, result, self._blur)
        if self._drawing is not None:
            self._drawing.draw(image, result, status)
        result = recorded(result)
        for writer in self._writers:
            writer.check()
        self._write_texts(result)
        if self._lines is not None:
            self._lines.check()
            self._lines.write(result)
        name = Path(frame.name)  # an image's file name; of a video only a number
        for of_pictures in (self._crops, self._heat):
            if of_pictures is not None:
                of_pictures.write(image, result)
        for maps in self._maps:
            maps.write(result, name.stem if name.suffix else "")

    def _write_texts(self, result: Result) -> None:
        for complete in [result] if self._gaps is None else self._gaps.add(result):
            for writer in self._writers:
                writer.write(complete)

    def __enter__(self) -> Outputs:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._gaps is not None and (exception is None or exception is KeyboardInterrupt):
            for complete in self._gaps.rest():
                for writer in self._writers:
                    writer.write(complete)
        self._stack.__exit__(exception, value, trace)


def _sink(path: Path, run: Run, times: Sequence[float], sound: Path | None, resumable: bool) -> VideoSink:
    """The video, of which there are frames of some times already."""
    sink = VideoSink(path, run.fps, run.source.size, keep=len(times), resumable=resumable, sound=sound)
    for time in times:
        sink.times.add(time)
    return sink
