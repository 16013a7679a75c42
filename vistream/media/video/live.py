"""Cameras and network streams: always the newest frame, and a lost connection is taken up again, however long it takes.

A thread of its own keeps reading, so that a slow consumer never works through a growing backlog.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

import cv2

from vistream.addresses import without_secrets
from vistream.errors import VistreamError
from vistream.media.video.capture import draws_text
from vistream.media.video.frames import Health, Source, SourceFrame, Window
from vistream.media.video.quiet import quiet_opencv
from vistream.media.video.videofile import declared_fps, declared_frames, to_rgb, video_source
from vistream.threads import end_with_program
from vistream.types import Frame

log = logging.getLogger("vistream")

TIMEOUT_MS = 10_000
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds between attempts to connect again; each pause is twice the one before."""

Connect = Callable[[], cv2.VideoCapture]


def open_camera(spec: str, window: Window, reconnect: bool = True) -> Source:
    """A camera by its index ("0") or its device file."""
    where: int | str = int(spec) if spec.isdecimal() else spec
    return _open_live(f"camera {spec}", lambda: cv2.VideoCapture(where), window, reconnect)


def open_url(url: str, window: Window, reconnect: bool = True) -> Source:
    """A network stream; a video file behind HTTP(S) is read like a file on disk, every frame of it.

    A stream that drops is asked for again until it is back; without `reconnect` it ends there. Passwords and
    tokens inside the URL appear in no name, message or log.
    """
    name = without_secrets(url)

    def connect() -> cv2.VideoCapture:
        timeouts = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIMEOUT_MS)
        return cv2.VideoCapture(url, cv2.CAP_FFMPEG, timeouts)

    quiet_opencv()
    if url.startswith(("http://", "https://")):
        capture = connect()
        if capture.isOpened() and draws_text(capture):
            capture.release()
            raise VistreamError(f"{name} is not a video that can be read: it is text")
        if capture.isOpened() and declared_frames(capture) is not None:
            return video_source(capture, name, window.of_file(), shown=None, counted=False)
        capture.release()
    return _open_live(name, connect, window, reconnect)


def _open_live(name: str, connect: Connect, window: Window, reconnect: bool) -> Source:
    quiet_opencv()
    capture = connect()
    if not capture.isOpened():
        raise VistreamError(f"{name} can't be opened: check that it is there, reachable and not in use")
    health = Health()
    reader = _Reader(name, connect, capture, health, reconnect)
    fps = declared_fps(capture)
    return Source(name, _frames(reader, window, health), fps=fps, frame_count=window.max_frames, health=health)


def _frames(reader: _Reader, window: Window, health: Health) -> Generator[SourceFrame, None, None]:
    """Frames are numbered as they arrive, from 0, or behind the last one of the run that is gone on with."""
    reader.start()
    first = 0 if window.after is None else window.after + 1
    try:
        wanted, given = (window.start, 0) if window.after is None else (0, 0)
        while given != window.max_frames:
            newest = reader.wait_for(wanted)
            if newest is None:
                return
            health.dropped += newest.index - wanted
            health.lag, health.arrived = time.monotonic() - newest.arrived, newest.arrived
            index = newest.index + first
            yield SourceFrame(index, newest.time, newest.image, f"{index:06d}")
            wanted = newest.index + window.stride
            given += 1
    finally:
        reader.stop()


@dataclass(frozen=True, slots=True)
class _Newest:
    index: int
    time: float
    image: Frame
    arrived: float


class _Reader(threading.Thread):
    """Reads without pause and keeps only the newest frame. Frames count from 0 as they arrive."""

    def __init__(self, name: str, connect: Connect, capture: cv2.VideoCapture, health: Health, reconnect: bool) -> None:
        super().__init__(name=f"reader of {name}", daemon=True)
        end_with_program(self, self.stop)
        self._source = name
        self._connect = connect
        self._capture = capture
        self._health = health
        self._again = reconnect
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._newest: _Newest | None = None
        self._lost = False

    def wait_for(self, index: int) -> _Newest | None:
        """The newest frame, as soon as it is numbered `index` or later; None if there won't be one."""
        with self._changed:
            while self._newest is None or self._newest.index < index:
                if self._lost or self._health.stopped:
                    if self._newest is None and self._lost:
                        raise VistreamError(f"{self._source} was opened, but delivers no frame")
                    return None
                self._changed.wait(0.2)  # with a time-out, so that Ctrl-C gets through on every platform
            return self._newest

    def stop(self) -> None:
        """End the thread; a read that hangs is left to its time-out."""
        self._stopping.set()
        self.join(timeout=2.0)

    def run(self) -> None:
        index, began, pause, back = 0, 0.0, FIRST_PAUSE, 0.0
        lost_at: float | None = None
        while not self._stopping.is_set():
            ok, image = self._capture.read()
            now = time.monotonic()
            if ok:
                if lost_at is not None:
                    self._health.connected = True
                    log.warning("%s is back after %.1f s: going on with frame %d", self._source, now - lost_at, index)
                    back = now
                began = now if index == 0 else began
                self._publish(_Newest(index, now - began, to_rgb(image), now))
                index, lost_at = index + 1, None
                if now - back > LONGEST_PAUSE:  # one that drops again at once is not asked again at once
                    pause = FIRST_PAUSE
                continue
            if lost_at is None:
                self._lose()
                lost_at = now
            if index == 0 or not self._again:
                break
            pause = self._reconnect(pause)
        self._capture.release()
        with self._changed:
            self._lost = True
            self._changed.notify_all()

    def _publish(self, newest: _Newest) -> None:
        with self._changed:
            self._newest = newest
            self._health.received += 1
            self._changed.notify_all()

    def _lose(self) -> None:
        self._health.connected = False
        self._health.losses += 1
        if not self._stopping.is_set():
            what = "connecting again until it is back" if self._again else "it ends here, as --no-reconnect wants it"
            log.warning("%s dropped: %s", self._source, what)

    def _reconnect(self, pause: float) -> float:
        """Wait, and try once more; returns the pause before the next attempt."""
        self._capture.release()
        if not self._stopping.wait(pause):
            self._capture = self._connect()
        return min(2 * pause, LONGEST_PAUSE)
