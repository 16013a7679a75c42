"""Cameras and network streams: always the newest frame, and a dropped connection is taken up again.

A thread of its own keeps reading, so that a slow consumer never works through a growing backlog.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

import cv2

from vistream.errors import VistreamError
from vistream.types import Frame
from vistream.video.frames import Source, SourceFrame, Window
from vistream.video.quiet import quiet_opencv
from vistream.video.videofile import declared_fps, declared_frames, to_rgb, video_source

log = logging.getLogger("vistream")

TIMEOUT_MS = 10_000
PATIENCE = 30.0  # seconds during which a lost stream is asked for again


def open_camera(spec: str, window: Window) -> Source:
    """A camera by its index ("0") or its device file."""
    where: int | str = int(spec) if spec.isdecimal() else spec
    return _open_live(f"camera {spec}", lambda: cv2.VideoCapture(where), window, patience=0.0)


def open_url(url: str, window: Window, patience: float = PATIENCE) -> Source:
    """A network stream; a video file behind HTTP(S) is read like a file on disk, every frame of it.

    A stream that drops is reopened for `patience` seconds before it counts as lost. Passwords inside the
    URL appear in no name, message or log.
    """
    name = without_password(url)

    def connect() -> cv2.VideoCapture:
        timeouts = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, TIMEOUT_MS)
        return cv2.VideoCapture(url, cv2.CAP_FFMPEG, timeouts)

    quiet_opencv()
    if url.startswith(("http://", "https://")):
        capture = connect()
        if capture.isOpened() and declared_frames(capture) is not None:
            return video_source(capture, name, window, shown=None, counted=False)
        capture.release()
    return _open_live(name, connect, window, patience)


def without_password(url: str) -> str:
    """
    >>> without_password("rtsp://ann:secret@10.0.0.7/street")
    'rtsp://ann:***@10.0.0.7/street'
    """
    return re.sub(r"(://[^/@:]*):[^/@]*@", r"\1:***@", url)


def _open_live(name: str, connect: Callable[[], cv2.VideoCapture], window: Window, patience: float) -> Source:
    quiet_opencv()
    capture = connect()
    if not capture.isOpened():
        raise VistreamError(f"{name} can't be opened: check that it is there, reachable and not in use")
    reader = _Reader(name, connect, capture, patience)
    return Source(name, _frames(reader, window), fps=declared_fps(capture), frame_count=window.max_frames, live=True)


def _frames(reader: _Reader, window: Window) -> Generator[SourceFrame, None, None]:
    reader.start()
    try:
        wanted, given = window.start, 0
        while given != window.max_frames:
            newest = reader.wait_for(wanted)
            yield SourceFrame(newest.index, newest.time, newest.image, f"{newest.index:06d}")
            wanted = newest.index + window.stride
            given += 1
    finally:
        reader.stop()


@dataclass(frozen=True, slots=True)
class _Newest:
    index: int
    time: float
    image: Frame


class _Reader(threading.Thread):
    """Reads without pause and keeps only the newest frame. Frames count from 0 as they arrive."""

    def __init__(
        self, name: str, connect: Callable[[], cv2.VideoCapture], capture: cv2.VideoCapture, patience: float
    ) -> None:
        super().__init__(name=f"reader of {name}", daemon=True)
        self._source = name
        self._connect = connect
        self._capture = capture
        self._patience = patience
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._newest: _Newest | None = None
        self._lost = False

    def wait_for(self, index: int) -> _Newest:
        """The newest frame, as soon as it is numbered `index` or later."""
        with self._changed:
            while self._newest is None or self._newest.index < index:
                if self._lost:
                    raise VistreamError(f"{self._source} stopped delivering frames")
                self._changed.wait(0.5)  # with a time-out, so that Ctrl-C gets through on every platform
            return self._newest

    def stop(self) -> None:
        """End the thread; a read that hangs is left to its time-out."""
        self._stopping.set()
        self.join(timeout=2.0)

    def run(self) -> None:
        index, began, last = 0, 0.0, time.monotonic()
        while not self._stopping.is_set():
            ok, image = self._capture.read()
            now = time.monotonic()
            if ok:
                began = now if index == 0 else began
                self._publish(_Newest(index, now - began, to_rgb(image)), lost=False)
                index, last = index + 1, now
            elif not self._reconnect(last + self._patience):
                break
        self._capture.release()
        self._publish(self._newest, lost=True)

    def _publish(self, newest: _Newest | None, *, lost: bool) -> None:
        with self._changed:
            self._newest, self._lost = newest, lost
            self._changed.notify_all()

    def _reconnect(self, deadline: float) -> bool:
        """Try again until it works, the deadline has passed, or the consumer stops."""
        self._capture.release()
        if time.monotonic() < deadline and not self._stopping.is_set():
            log.warning("%s dropped: connecting again", self._source)
        pause = 0.2
        while time.monotonic() < deadline and not self._stopping.wait(pause):
            self._capture = self._connect()
            if self._capture.isOpened():
                return True
            pause = min(2 * pause, 5.0)
        return False
