"""Pictures of the results, drawn and encoded in a thread of their own, a few frames behind."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from types import TracebackType

from vistream.media.formats.jsonl import recorded
from vistream.media.video.sink import VideoSink
from vistream.pipeline.overlap import Behind
from vistream.render.overlay import Overlay
from vistream.stages import Stages
from vistream.types import Frame, Result

Drawn = Callable[[Result, Frame, Frame], None]
"""Is given a result, the frame, and the picture that was drawn of it."""


class Drawing:
    """Draws by `overlay`; writes to `sink`, and gives to `drawn`, where there are such. Closes the sink in the end."""

    def __init__(self, overlay: Overlay, sink: VideoSink | None, drawn: Drawn | None, stages: Stages) -> None:
        self.picture: Frame | None = None
        self._overlay, self._sink, self._drawn, self._stages = overlay, sink, drawn, stages
        with ExitStack() as opening:
            if sink is not None:
                opening.enter_context(sink)
            self._behind = opening.enter_context(Behind("drawing"))
            self._stack = opening.pop_all()

    def draw(self, frame: Frame, result: Result, status: str) -> None:
        """Have one frame drawn."""
        self._behind.do(partial(self._draw, frame, result, status))

    def flush(self) -> None:
        """Wait until every picture is drawn."""
        self._behind.flush()

    def _draw(self, frame: Frame, result: Result, status: str) -> None:
        with self._stages.of("drawing"):
            picture = self._overlay.draw(frame, recorded(result), status)
        with self._stages.of("encoding"):
            if self._sink is not None:
                self._sink.write(picture, result.time)
            if self._drawn is not None:
                self._drawn(result, frame, picture)
        self.picture = picture

    def __enter__(self) -> Drawing:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(exception, value, trace)
