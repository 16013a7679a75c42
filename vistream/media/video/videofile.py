"""A video file, or one served over HTTP, decoded frame by frame by the FFmpeg inside OpenCV.

Skipping is done by decoding: seeking is fast but lands on the wrong frame in too many files.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from vistream.errors import VistreamError
from vistream.media.video.capture import Capture, last_seconds, open_capture
from vistream.media.video.frames import Source, SourceFrame, Window
from vistream.media.video.mp4 import presented_seconds
from vistream.media.video.quiet import quiet_opencv
from vistream.types import Frame

if TYPE_CHECKING:
    from cv2.typing import MatLike  # OpenCV 4.8 has it for type checkers only

log = logging.getLogger("vistream")

# Containers that store their number of frames; of the others FFmpeg estimates it from the duration,
# which may be that of a longer sound track.
COUNTED = frozenset((".mp4", ".m4v", ".mov", ".3gp", ".avi"))

ENDED = b"#EXT-X-ENDLIST"
"""The last line of a playlist to which nothing is added any more."""


def open_video(path: Path, window: Window) -> Source:
    """A source over the frames of a video file, turned the way its metadata says.

    A file that stops decoding early raises `VistreamError` there, unless it is short by no more than
    `allowed_shortfall`, which is logged.
    """
    quiet_opencv()
    if path.stat().st_size == 0:
        raise VistreamError(f"{path} is empty (0 bytes)")
    if path.suffix.lower() == ".m3u8" and ENDED not in path.read_bytes():
        log.warning(
            "%s lacks the line %s: FFmpeg begins at the third last part, and waits for more", path, ENDED.decode()
        )
    capture = open_capture(path)
    shown = presented_seconds(path)
    return video_source(capture, str(path), window, shown=shown, counted=path.suffix.lower() in COUNTED, path=path)


def video_source(
    capture: Capture, name: str, window: Window, *, shown: float | None, counted: bool, path: Path | None = None
) -> Source:
    """A source over an open capture. `shown`: seconds that an edit list leaves of it, or None.

    `counted`: the number of frames is stored, not estimated. `path`: of a file on disk.
    """
    fps = declared_fps(capture)
    total = declared_frames(capture)
    if total is not None and shown is not None and fps is not None:
        total = min(total, round(shown * fps))
    if total is not None and counted and window.start >= total:
        capture.release()
        raise VistreamError(f"start is {window.start}, but {name} has only {total} frames, counted from 0")
    missing_allowed = allowed_shortfall(total or 0, fps, counted=counted)
    frames = _frames(capture, name, window, fps, total, missing_allowed, counted, path)
    return Source(name, frames, fps=fps, frame_count=window.count(total), counted=counted)


def declared_fps(capture: Capture) -> float | None:
    """Frames a second, where the container says something believable."""
    fps = float(capture.get(cv2.CAP_PROP_FPS))
    return fps if 0.1 <= fps <= 1000 else None


def declared_frames(capture: Capture) -> int | None:
    """The number of frames the container declares, or None (streams declare nothing, or nonsense)."""
    count = float(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    return int(count) if math.isfinite(count) and 1 <= count < 2**40 else None


def allowed_shortfall(total: int, fps: float | None, *, counted: bool) -> int:
    """How many of `total` frames may fail to come before the file counts as cut short.

    Stored numbers are right but for the odd frame a muxer or an edit list drops: 5 frames or 2 %.
    Estimated ones can be off by a sound track that runs on: one second or 5 %, whichever is more.

    >>> allowed_shortfall(100, 25, counted=True), allowed_shortfall(1000, 25, counted=False)
    (5, 50)
    """
    if counted:
        return max(5, total // 50)
    return max(math.ceil(fps or 30), total // 20)


def to_rgb(image: MatLike) -> Frame:
    """BGR or grey, as OpenCV decodes it, to RGB."""
    code = cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB
    return np.asarray(cv2.cvtColor(image, code), dtype=np.uint8)


def _frames(
    capture: Capture,
    name: str,
    window: Window,
    fps: float | None,
    total: int | None,
    missing_allowed: int,
    counted: bool,
    path: Path | None,
) -> Generator[SourceFrame, None, None]:
    index, given, time = 0, 0, 0.0
    try:
        while given != window.max_frames and capture.grab():
            time = _time(capture, index, time, fps)
            if window.takes(index):
                ok, image = capture.retrieve()
                if not ok:
                    raise VistreamError(f"{name}: frame {index} can't be decoded: the file is damaged")
                yield SourceFrame(index, time, to_rgb(image), f"{index:06d}")
                given += 1
            index += 1
    finally:
        capture.release()
    if given != window.max_frames:
        # an estimated number counts frames that a variable rate left out, so there the last time is what counts
        reached = index if counted or fps is None else max(index, round(time * fps) + 1)
        if not counted and path is not None and fps is not None and total is not None and reached < total:
            reached = max(reached, round((last_seconds(path) or 0.0) * fps))  # the sound may run on
        _judge_end(name, index, reached, window.start, total, missing_allowed)


def _time(capture: Capture, index: int, before: float, fps: float | None) -> float:
    """The grabbed frame's own time stamp in seconds; where it does not advance, one frame after the last.

    They count from the start of the stream: behind a cut, the first frame that can be decoded may be a later one.
    """
    stamp = float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
    if index == 0:
        return max(stamp, 0.0) if math.isfinite(stamp) else 0.0
    return stamp if math.isfinite(stamp) and stamp > before else before + 1 / (fps or 30.0)


def _judge_end(name: str, decoded: int, reached: int, start: int, total: int | None, missing_allowed: int) -> None:
    """The video gave its last frame, at the place `reached` in an even count: was that all of it?"""
    if decoded == 0:
        raise VistreamError(f"{name} holds no frame that can be decoded")
    missing = (total or 0) - reached
    if missing > missing_allowed:
        raise VistreamError(
            f"{name} is cut short or damaged: it declares {total} frames, but decoding stops after {decoded}"
        )
    if decoded <= start:
        raise VistreamError(f"start is {start}, but {name} has only {decoded} frames, counted from 0")
    if missing > 0:
        log.warning("%s declares %d frames, %d could be decoded", name, total, decoded)
