"""Write drawn frames to a video file: H.264 where PyAV is installed, else MPEG-4 Part 2 through OpenCV.

OpenCV's wheels can't write H.264, which is what browsers play. The file appears under its own name only
when it is complete.
"""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol

import cv2
import numpy as np

from vistream.atomic import PendingFile
from vistream.errors import VistreamError
from vistream.types import Frame
from vistream.video.quiet import quiet_opencv

log = logging.getLogger("vistream")

SUFFIXES = (".mp4", ".mkv", ".mov")
CRF = 20  # x264's constant rate factor: 18 looks lossless, 23 is its default
PRESET = "veryfast"  # the encoder shares the CPU with the tracker


class _Encoder(Protocol):
    def write(self, frame: Frame) -> None: ...
    def close(self) -> None: ...


class VideoSink:
    """A video being written to `path` (.mp4, .mkv, .mov) in `size` (width, height), `fps` frames a second.

    `codec` is "h264" or "mp4v"; the latter is announced once on the logger `vistream`, with the reason.
    Odd sizes are padded to even ones by repeating the last row and column, which 4:2:0 colour needs.
    Raises `VistreamError` at once when the path can't be written or has another extension.
    As a context manager it keeps what was written on Ctrl-C and leaves no file after any other exception.
    """

    def __init__(self, path: Path | str, fps: float, size: tuple[int, int]) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in SUFFIXES:
            raise VistreamError(f"{path}: a video is written as one of {', '.join(SUFFIXES)}")
        if not 0.1 <= fps <= 1000:
            raise VistreamError(f"{path}: can't write a video of {fps} frames a second")
        self.size = size
        self._pending = PendingFile(self.path)
        try:
            self.codec, self._encoder = self._open(fps)
        except BaseException:
            self._pending.discard()
            raise

    def _open(self, fps: float) -> tuple[str, _Encoder]:
        target = self._pending.temporary
        even = (self.size[0] + self.size[0] % 2, self.size[1] + self.size[1] % 2)
        reason = why_no_h264()
        if reason is None:
            return "h264", _H264(target, fps, even)
        log.warning("%s is written as MPEG-4 Part 2, not H.264: %s", self.path, reason)
        return "mp4v", _Mp4v(target, fps, even)

    def write(self, frame: Frame) -> None:
        """Append one RGB uint8 `[H, W, 3]` frame of the sink's size."""
        height, width = frame.shape[:2]
        if (width, height) != self.size:
            raise VistreamError(f"{self.path}: a frame of {width}x{height} in a video of {self.size[0]}x{self.size[1]}")
        if width % 2 or height % 2:
            frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        self._encoder.write(frame)

    def close(self) -> None:
        """Finish the file and give it its name."""
        self._finish(None)

    def _finish(self, exception: type[BaseException] | None) -> None:
        try:
            self._encoder.close()
        except BaseException:
            self._pending.discard()
            raise
        self._pending.settle(exception)

    def __enter__(self) -> VideoSink:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish(exception)


def why_no_h264() -> str | None:
    """Why H.264 can't be written here, or None if it can."""
    try:
        import av
    except ImportError:
        return "PyAV is not installed (pip install 'vistream[h264]')"
    return None if "libx264" in av.codecs_available else "this PyAV was built without libx264"


class _H264:
    """libx264 through PyAV; 4:2:0 colour, as every player expects."""

    def __init__(self, path: Path, fps: float, size: tuple[int, int]) -> None:
        import av

        try:
            self._container = av.open(str(path), "w")
            self._stream = self._container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
            self._stream.width, self._stream.height = size
            self._stream.pix_fmt = "yuv420p"
            self._stream.options = {"crf": str(CRF), "preset": PRESET}
            self._stream.codec_context.open()
        except av.error.FFmpegError as error:
            raise VistreamError(f"{path}: H.264 can't be written: {error}") from None

    def write(self, frame: Frame) -> None:
        from av import VideoFrame

        picture = VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        self._container.mux(self._stream.encode(picture))

    def close(self) -> None:
        self._container.mux(self._stream.encode())
        self._container.close()


class _Mp4v:
    """MPEG-4 Part 2 through OpenCV."""

    def __init__(self, path: Path, fps: float, size: tuple[int, int]) -> None:
        quiet_opencv()
        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
        if not self._writer.isOpened():
            raise VistreamError(f"{path}: OpenCV can't write a video here")

    def write(self, frame: Frame) -> None:
        self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        self._writer.release()
