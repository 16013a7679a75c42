"""Cameras and network streams: always the newest frame, and a lost connection is taken up again, however long it takes.

A thread of its own keeps reading, so that a slow consumer never works through a growing backlog.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import urlopen

import cv2
import numpy as np

from vistream.addresses import without_secrets
from vistream.errors import VistreamError
from vistream.media.video.capture import LiveCapture, by_pyav, draws_text, fourcc
from vistream.media.video.frames import Health, Source, SourceFrame, Window
from vistream.media.video.pyav_capture import of_interlaced
from vistream.media.video.quiet import quiet_opencv
from vistream.media.video.videofile import declared_fps, declared_frames, to_rgb, video_source
from vistream.threads import end_with_program
from vistream.types import Frame

if TYPE_CHECKING:
    from cv2.typing import MatLike  # OpenCV 4.8 has it for type checkers only

log = logging.getLogger("vistream")

TIMEOUT_MS = 10_000
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds between attempts to connect again; each pause is twice the one before."""

PICTURES = ("MJPG", "mjpg", "jpeg")
"""Codecs of single pictures one after another, as cameras send them over HTTP."""
PLAYLISTS = (".m3u8", ".mpd", ".sdp")
STILL = 10
"""Frames: a source whose first ones are all the same picture may be one that OpenCV makes no pictures of."""

Connect = Callable[[], LiveCapture]
Otherwise = Callable[[], LiveCapture | None]


def open_camera(spec: str, window: Window, reconnect: bool = True) -> Source:
    """A camera by its index ("0") or its device file."""
    where: int | str = int(spec) if spec.isdecimal() else spec
    return _open_live(f"camera {spec}", lambda: cv2.VideoCapture(where), lambda: None, window, reconnect)


def open_url(url: str, window: Window, reconnect: bool = True) -> Source:
    """A network stream; a video file behind HTTP(S) is read like a file on disk, every frame of it.

    A stream that drops is asked for again until it is back; without `reconnect` it ends there. Passwords and
    tokens inside the URL appear in no name, message or log.
    """
    name = without_secrets(url)

    def connect() -> LiveCapture:
        timeouts = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIMEOUT_MS)
        return cv2.VideoCapture(url, cv2.CAP_FFMPEG, timeouts)

    def otherwise() -> LiveCapture | None:
        return of_interlaced(url, name)

    quiet_opencv()
    if url.startswith(("http://", "https://")):
        capture = connect()
        if capture.isOpened() and draws_text(capture):
            capture.release()
            raise VistreamError(f"{name} is not a video that can be read: it is text")
        camera = fourcc(capture) in PICTURES  # which need not be asked once more: some take few callers at a time
        if capture.isOpened() and (declared_frames(capture) is not None or (not camera and is_file(url))):
            there = capture.grab()
            codec = fourcc(capture)
            capture.release()
            # anew: what was grabbed can't be put back
            decoded = (otherwise() if there else by_pyav(url, name, codec)) or connect()
            return video_source(decoded, name, window.of_file(), shown=None, counted=False)
        capture.release()
    return _open_live(name, connect, otherwise, window, reconnect)


def is_file(url: str) -> bool:
    """Whether an HTTP server says of a video how long it is, so that it ends: no camera, picture or playlist."""
    if urlsplit(url).path.lower().endswith(PLAYLISTS):
        return False
    try:
        with urlopen(url, timeout=TIMEOUT_MS / 1000) as answer:
            kind = answer.headers.get_content_type()
            told = answer.headers.get("Content-Length") is not None
    except (OSError, ValueError, HTTPException):  # FFmpeg may know better how to ask
        return False
    return told and (kind.startswith("video/") or kind == "application/octet-stream")


def _open_live(name: str, connect: Connect, otherwise: Otherwise, window: Window, reconnect: bool) -> Source:
    """`otherwise`: another capture, where the one that `connect` makes gives no pictures of what is sent."""
    quiet_opencv()
    capture = connect()
    if not capture.isOpened():
        raise VistreamError(f"{name} can't be opened: check that it is there, reachable and not in use")
    health = Health()
    reader = _Reader(name, connect, otherwise, capture, health, reconnect)
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

    def __init__(
        self,
        name: str,
        connect: Connect,
        otherwise: Otherwise,
        capture: LiveCapture,
        health: Health,
        reconnect: bool,
    ) -> None:
        super().__init__(name=f"reader of {name}", daemon=True)
        end_with_program(self, self.stop)
        self._source = name
        self._connect = connect
        self._otherwise = otherwise
        self._capture = capture
        self._still: tuple[MatLike, int] | None = None  # the first picture, and how often it came; None once it changes
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
                self._look(image, index)
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

    def _look(self, image: MatLike, index: int) -> None:
        """Whether the first frames differ at all; if not, try the other capture, and stay with it if there is one."""
        if index == 0:
            self._still = (image, 1)
        elif self._still is not None:
            first, count = self._still
            self._still = (first, count + 1) if np.array_equal(first, image) else None
        if self._still is not None and self._still[1] == STILL:
            self._still = None
            other = self._otherwise()
            if other is not None:
                self._capture.release()
                self._capture = other
                again = self._connect
                self._connect = lambda: self._otherwise() or again()

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
