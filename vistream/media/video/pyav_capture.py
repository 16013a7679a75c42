"""Videos decoded by PyAV: what the FFmpeg inside OpenCV can't read, and what it reads wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from vistream.media.video.container import codec_of, open_container
from vistream.types import Frame

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer

log = logging.getLogger("vistream")

UNSOUND = (4, 13)
"""From this version on, OpenCV makes no picture of an interlaced frame: it says that it did, and shows old memory."""
LOOKED_AT = 12  # frames: whether a video is interlaced; few turn so later


def opencv_reads_interlaced() -> bool:
    """Whether this version of OpenCV makes pictures of interlaced frames."""
    return tuple(int(part) for part in cv2.__version__.split(".")[:2]) < UNSOUND


def of_interlaced(source: Path | str, name: str) -> PyAvCapture | None:
    """A capture of an interlaced video, where OpenCV gives no pictures of it and PyAV is here; else None.

    `source`: a file, or an address; `name`: what messages call it.
    """
    if opencv_reads_interlaced() or not _is_interlaced(source):
        return None
    container = open_container(source)
    capture = PyAvCapture(container, codec_of(container, container.streams.video[0])[0])
    log.info("%s is interlaced: it is decoded by PyAV", name)
    return capture


def _is_interlaced(source: Path | str) -> bool:
    """As far as the first frames show; False without PyAV, or where it can't tell."""
    try:
        import av
    except ImportError:
        return False
    try:
        with open_container(source) as container:
            return any(frame.interlaced_frame for frame in islice(container.decode(video=0), LOOKED_AT))
    except (av.error.FFmpegError, OSError, ValueError, IndexError):
        return False


class PyAvCapture:
    """Frames by PyAV, turned the way the file's metadata says."""

    def __init__(self, container: InputContainer, codec: str) -> None:
        self.codec = codec
        self._container = container
        self._stream = container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self._frames: Iterator[VideoFrame] = container.decode(self._stream)
        self._ahead: VideoFrame | None = None
        self._now: VideoFrame | None = None

    def ahead(self) -> bool:
        """Whether a frame follows."""
        if self._ahead is None:
            self._ahead = self._next()
        return self._ahead is not None

    def _next(self) -> VideoFrame | None:
        import av

        try:
            return next(self._frames, None)
        except av.error.FFmpegError:  # the rest is damaged: whoever counts frames will say so
            return None

    def isOpened(self) -> bool:
        return True

    def grab(self) -> bool:
        there = self.ahead()
        self._now, self._ahead = self._ahead, None
        return there

    def retrieve(self) -> tuple[bool, Frame]:
        assert self._now is not None
        picture = np.asarray(self._now.to_ndarray(format="bgr24"), dtype=np.uint8)
        turns = round(float(getattr(self._now, "rotation", 0)) / 90) % 4
        return True, np.ascontiguousarray(np.rot90(picture, turns))

    def read(self) -> tuple[bool, Frame | None]:
        """Of a live source: the next frame, and whether there is one."""
        return self.retrieve() if self.grab() else (False, None)

    def get(self, prop: int, /) -> float:
        stream = self._stream
        if prop == cv2.CAP_PROP_FPS:
            return float(stream.average_rate or 0)
        if prop == cv2.CAP_PROP_FRAME_COUNT:
            return float(stream.frames)
        if prop == cv2.CAP_PROP_POS_MSEC and self._now is not None and self._now.time is not None:
            return 1000 * (self._now.time - float((stream.start_time or 0) * (stream.time_base or 0)))
        return 0.0

    def release(self) -> None:
        self._container.close()
