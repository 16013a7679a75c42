"""One source being tracked in a thread of its own, and what of it can be looked at."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import cv2

from vistream.addresses import without_secrets
from vistream.errors import told
from vistream.media.video.frames import Health, SourceFrame
from vistream.pipeline.blurring import unblurred, warn_of_unblurred
from vistream.pipeline.run import Run
from vistream.pipeline.settings import Settings
from vistream.render.overlay import Overlay, activity_map
from vistream.render.style import concealed
from vistream.serve.gauges import Gauges, counted
from vistream.threads import end_with_program
from vistream.types import Frame, Result

log = logging.getLogger("vistream")

JPEG_QUALITY = 80


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The newest result of a source. `number` counts views from 1; pictures are uint8 `[H, W, 3]`, RGB."""

    number: int
    result: Result
    frame: Frame
    picture: Frame

    def jpeg(self) -> bytes:
        """The annotated frame."""
        return jpeg_of(self.picture)

    def activity_jpeg(self) -> bytes | None:
        """The frame, dark, lit where it was recomputed; None where there is no network."""
        if self.result.activity is None:
            return None
        height, width = self.frame.shape[:2]
        factor = min(1.0, 480 / max(width, height))
        size = (max(1, round(factor * width)), max(1, round(factor * height)))
        return jpeg_of(activity_map(self.frame, self.result.activity, size))


@dataclass(slots=True)
class Pace:
    """When the frames of a file are due: as its times say, but never before they are asked for.

    `asked`: when the coming frame was asked for, in seconds of some clock. A slow tracker so plays a file slowly: it
    does not fall behind without end, nor hurry afterwards.

    >>> pace = Pace(asked=100.0)
    >>> pace.due(0.0), pace.due(0.5)
    (100.0, 100.5)
    >>> pace.asked = 107.0
    >>> pace.due(1.0), pace.due(1.5)
    (107.0, 107.5)
    """

    asked: float
    _due: float = float("-inf")
    _time: float = 0.0

    def due(self, seconds: float) -> float:
        """Of the frame that is at `seconds` of the file: call it once for each, in order."""
        self._due = max(self._due + seconds - self._time, self.asked)
        self._time = seconds
        return self._due


class Tile(threading.Thread):
    """Tracks `source` until it ends or `stop` is called; `loop`: a file begins again at its end, with new ids.

    A file is played at its own speed, or as fast as it is tracked: every frame of it. `state` is one of starting,
    running, ended, failed; in JSON also lost, of a camera that is being asked for again. `title` (see
    `titles_of`) names the source without folder, path or password; error messages, which may hold them, only go to the
    log.
    """

    def __init__(self, source: str, settings: Settings, *, loop: bool = False, title: str = "") -> None:
        self.title = title or title_of(source)
        super().__init__(name=f"tracker of {self.title}", daemon=True)
        end_with_program(self, self.stop)
        self.state = "starting"
        self.gauges = Gauges()
        self.view: View | None = None
        self.when_over: Callable[[], None] = lambda: None  # is called when the thread ends
        self._source = source
        self._settings = settings
        self._loop = loop
        self._stopping = threading.Event()
        self._health: Health | None = None
        self._labels: frozenset[str] = frozenset()  # of all that was tracked

    def stop(self) -> None:
        """Ask the thread to end after the present frame; `join` waits for it."""
        self._stopping.set()
        if self._health is not None:
            self._health.stopped = True

    def run(self) -> None:
        try:
            again = True
            while again and not self._stopping.is_set():
                with closing(Run(self._source, self._settings)) as run:
                    self._play(run)
                    again = self._loop and not run.source.live
            self.state = "ended"
        except Exception as error:  # a thread's would be lost, and the page would show a source that seems to run
            self.state = "failed"
            if line := told(error):
                log.error("%s: %s", self.title, line)
            else:
                log.exception("%s failed", self.title)
        frames = 0 if self.view is None else self.view.number
        warn_of_unblurred(self.title, self._settings.style.blur, self._labels, frames)
        self.when_over()

    @property
    def failed(self) -> bool:
        """Whether it ended before it had shown anything."""
        return self.state == "failed" and self.view is None

    def _play(self, run: Run) -> None:
        overlay = Overlay(run.source.size, run.fps, run.observer.joints, run.places, run.settings.style)
        self.gauges.restart()
        self._health = run.source.health if run.source.live else None
        pace = Pace(time.monotonic())
        for frame, result in run:
            due = run.source.health.arrived if run.source.live else pace.due(frame.time)
            shown = replace(frame, image=concealed(frame.image, result, run.settings.style.blur))
            self._show(overlay.draw(shown.image, replace(result, activity=None), ""), shown, result, due)
            early = 0.0 if run.source.live else due + 1 / run.fps - time.monotonic()
            if self._stopping.wait(max(0.0, early)):
                return
            pace.asked = time.monotonic()

    def _show(self, picture: Frame, frame: SourceFrame, result: Result, due: float) -> None:
        self.gauges.done(result, due)
        self._labels |= {track.label for track in result.tracks}
        self.view = View(1 if self.view is None else self.view.number + 1, result, frame.image, picture)
        self.state = "running"

    def as_dict(self) -> dict[str, object]:
        """For JSON: no path, no address."""
        view = self.view
        entry: dict[str, object] = {"title": self.title, "state": self.state} | self.gauges.as_dict()
        if self._health is not None:
            entry["dropped"] = self._health.dropped
            if self.state == "running" and not self._health.connected:
                entry["state"] = "lost"
        if view is not None:
            height, width = view.frame.shape[:2]
            entry |= {"view": view.number, "frame": view.result.frame, "size": [width, height]}
            what, number = counted(view.result)
            entry |= {"counted": what, "tracks": number, "work": round(view.result.work.share, 4)}
            entry |= {"activity": view.result.activity is not None}
            entry |= {"unblurred": unblurred(self._settings.style.blur, self._labels)}
        return entry


def title_of(source: str) -> str:
    """What a source may be called before strangers.

    >>> title_of("/home/ann/videos/street.mp4"), title_of("rtsp://ann:secret@10.0.0.7:554/door?x=1"), title_of("0")
    ('street', '10.0.0.7', 'camera 0')
    >>> title_of("frames/*.png"), title_of("/dev/video2"), title_of("clips/walk/")
    ('frames', 'camera 2', 'walk')
    """
    if "://" in source:
        return urlsplit(without_secrets(source)).hostname or "stream"
    path = Path(source)
    if source.isdecimal() or source.startswith("/dev/video"):
        return f"camera {source.removeprefix('/dev/video')}"
    return (path.parent.name if "*" in path.name else path.stem) or "images"


def titles_of(sources: Sequence[str]) -> list[str]:
    """What sources may be called side by side: those that would be called alike are numbered, in the order given.

    >>> titles_of(["rtsp://cam.lan/1", "a/street.mp4", "rtsp://cam.lan/2"])
    ['cam.lan (1)', 'street', 'cam.lan (2)']
    """
    titles = [title_of(source) for source in sources]
    return [
        title if titles.count(title) == 1 else f"{title} ({titles[: place + 1].count(title)})"
        for place, title in enumerate(titles)
    ]


def jpeg_of(picture: Frame) -> bytes:
    """A picture, uint8 `[H, W, 3]`, RGB, as JPEG."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1])
