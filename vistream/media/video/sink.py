"""Write drawn frames to a video file: H.264 where PyAV is installed, else MPEG-4 Part 2 through OpenCV.

WebM (VP9) and GIF need PyAV.
OpenCV's wheels can't write H.264, which is what browsers play. The file appears under its own name only when it is
complete, or the run was interrupted; before that it is `name.part.mp4`, which with H.264 can be played at any moment.
"""

from __future__ import annotations

import logging
from pathlib import Path
from types import TracebackType
from typing import Protocol

import cv2
import numpy as np

from vistream.atomic import PendingFile, followed
from vistream.errors import VistreamError
from vistream.media.video.h264 import H264, whole_name, why_no_h264
from vistream.media.video.quiet import quiet_opencv
from vistream.media.video.times import Times
from vistream.media.video.webvideo import Gif, WebM
from vistream.storage.names import FileName, written
from vistream.types import Frame

log = logging.getLogger("vistream")

SUFFIXES = (".mp4", ".mkv", ".mov", ".webm", ".gif")
RESUMABLE = SUFFIXES[:3]


class _Encoder(Protocol):
    def write(self, frame: Frame) -> None: ...
    def close(self) -> None: ...
    def abandon(self) -> None: ...


class VideoSink:
    """A video being written to `path`, of one of `SUFFIXES`, in `size` (width, height), `fps` frames a second.

    `codec` is "h264" or "mp4v"; the latter is announced once on the logger `vistream`, with the reason.
    Odd sizes are padded to even ones by repeating the last row and column, which 4:2:0 colour needs.
    Raises `VistreamError` at once when the path can't be written or has another extension.
    As a context manager it keeps what was written on Ctrl-C. After any other exception it leaves no file; with
    `resumable`, the part that is written, if a frame is.
    `keep`: go on after so many frames of the part, or the file, that an earlier run left; needs H.264.
    `sound`: of this file, joins the pictures in the end, where PyAV is here. The attribute `times` holds one a frame:
    where they are uneven, pictures are shown at them, but for GIF and without PyAV.
    """

    def __init__(
        self,
        path: Path | str,
        fps: float,
        size: tuple[int, int],
        *,
        keep: int = 0,
        resumable: bool = False,
        sound: Path | None = None,
    ) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in SUFFIXES:
            raise VistreamError(f"{path}: a video is written as one of {', '.join(SUFFIXES)}")
        if not 0.1 <= fps <= 1000:
            raise VistreamError(f"{path}: can't write a video of {fps} frames a second")
        if keep and self.path.suffix.lower() not in RESUMABLE:
            raise VistreamError(f"{path} can't be gone on with: only {', '.join(RESUMABLE)} can; begin anew")
        self.size, self.times = size, Times(fps)
        self.resumable = resumable and self.path.suffix.lower() in RESUMABLE
        self._kept = keep
        before = _left_behind(self.path) if keep else None
        if before is None and self.resumable:
            before_name(self.path).unlink(missing_ok=True)  # of a run that is not gone on with
        self._pending = PendingFile(self.path)
        try:
            self.codec, self._encoder = self._open(fps, before, keep, sound)
        except BaseException:
            self._pending.discard()
            if before is not None and before != self.path:
                before.replace(self._pending.temporary)
            raise
        # a fragment is written with the frame behind it: until then only the earlier file has the last one that is kept
        self._spent = before if before != self.path else None

    def _open(self, fps: float, before: Path | None, keep: int, sound: Path | None) -> tuple[str, _Encoder]:
        target = self._pending.temporary
        even = (self.size[0] + self.size[0] % 2, self.size[1] + self.size[1] % 2)
        reason, suffix = why_no_h264(), self.path.suffix.lower()
        if reason is not None and suffix not in RESUMABLE:
            raise VistreamError(f"{self.path}: {suffix} can't be written: {reason}")
        if suffix == ".gif":
            return "gif", Gif(target, fps, even)
        if suffix == ".webm":
            return "vp9", WebM(target, fps, even, self.times, sound)
        if reason is None:
            return "h264", H264(target, fps, even, self.times, before, keep, sound)
        if keep:
            raise VistreamError(f"{self.path}: a video can't be gone on with: {reason}")
        log.warning("%s is written as MPEG-4 Part 2, not H.264: %s", self.path, reason)
        return "mp4v", _Mp4v(target, fps, even)

    def write(self, frame: Frame, time: float | None = None) -> None:
        """Append one RGB uint8 `[H, W, 3]` frame of the sink's size. `time`, in seconds; None: at an even rate."""
        height, width = frame.shape[:2]
        if (width, height) != self.size:
            raise VistreamError(f"{self.path}: a frame of {width}x{height} in a video of {self.size[0]}x{self.size[1]}")
        if width % 2 or height % 2:
            frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        self._encoder.write(frame)
        self.times.add(time)
        self._forget()

    def close(self) -> None:
        """Finish the file and give it its name."""
        self._finish(None)

    def _finish(self, exception: type[BaseException] | None) -> None:
        failed = exception is not None and not issubclass(exception, KeyboardInterrupt)
        try:
            if failed:
                self._encoder.abandon()
            else:
                self._encoder.close()
        except BaseException:
            self._give_up()
            raise
        if failed:
            self._give_up()
        else:
            self._pending.commit()
            self._forget()

    def _forget(self) -> None:
        if self._spent is not None:
            self._spent.unlink()
            self._spent = None

    def _give_up(self) -> None:
        if not self.resumable or not (self._kept or len(self.times)):
            self._pending.discard()

    def __enter__(self) -> VideoSink:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish(exception)


def before_name(path: Path) -> Path:
    """Where what an interrupted run left of `path` lies while the video is gone on with."""
    path = followed(path)
    return path.with_name(f"{path.stem}.before{path.suffix}")


def video_names(what: str, path: Path) -> list[FileName]:
    """All that a video takes; `what`: as the user knows it."""
    part = PendingFile.temporary_name(path)
    return [
        *written(what, path),
        FileName(f"the interrupted part of {what}", before_name(path), written=True),
        *written(f"the rewritten file of {what}", whole_name(part)),
    ]


def _left_behind(path: Path) -> Path | None:
    """What an earlier run left of `path`, out of the way of what is written now; None if that is nothing."""
    part = PendingFile.temporary_name(path)
    before = before_name(path)
    if part.is_file() and part.stat().st_size and not before.is_file():
        part.replace(before)
    found = next((file for file in (before, path) if file.is_file()), None)
    if found is None:
        raise VistreamError(f"{path}: nothing is left of this video to go on with: resume without it, or begin anew")
    return found


class _Mp4v:
    """MPEG-4 Part 2 through OpenCV. Its file is a video only when it is complete."""

    def __init__(self, path: Path, fps: float, size: tuple[int, int]) -> None:
        quiet_opencv()
        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
        if not self._writer.isOpened():
            raise VistreamError(f"{path}: OpenCV can't write a video here")

    def write(self, frame: Frame) -> None:
        self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        self._writer.release()

    def abandon(self) -> None:
        self._writer.release()
