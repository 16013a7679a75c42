"""What decodes a video file: the FFmpeg inside OpenCV, or PyAV for what that can't read."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Protocol

import cv2

from vistream.errors import VistreamError, memory_is_short
from vistream.media.video.container import codec_of, file_name, open_container
from vistream.media.video.pyav_capture import PyAvCapture, of_interlaced

log = logging.getLogger("vistream")


class Capture(Protocol):
    """The part of `cv2.VideoCapture` that is used of a file; pictures are BGR."""

    def isOpened(self) -> bool: ...
    def grab(self) -> bool: ...
    def retrieve(self) -> tuple[bool, Any]: ...  # Any: OpenCV's own union
    def get(self, propId: int, /) -> float: ...
    def release(self) -> None: ...


class LiveCapture(Capture, Protocol):
    """The part that is used of a live source."""

    def read(self) -> tuple[bool, Any]: ...


def open_capture(path: Path) -> Capture:
    """Whatever can decode the file's first frame. Raises VistreamError, which names the codec, where nothing can."""
    capture = cv2.VideoCapture(file_name(path), cv2.CAP_FFMPEG)
    opened = capture.isOpened()
    if opened and draws_text(capture):
        capture.release()
        raise VistreamError(f"{path} is not a video that can be read: {_text_in(path) or 'it is text'}")
    if opened and capture.grab():
        capture.release()
        other = of_interlaced(path, str(path))
        if other is not None:
            return other
        return cv2.VideoCapture(file_name(path), cv2.CAP_FFMPEG)  # anew: what was grabbed can't be put back
    codec = fourcc(capture) if opened else ""
    capture.release()
    if memory_is_short():  # of which OpenCV says no word
        raise MemoryError
    other = by_pyav(path, str(path), codec)
    if other is not None:
        return other
    why = _text_in(path) or "it is damaged, cut short, or of an unknown format"
    raise VistreamError(f"{path} is not a video that can be read: {why}")


def by_pyav(source: Path | str, name: str, codec: str) -> PyAvCapture | None:
    """A capture of a file, or of one at an address, of which OpenCV decodes no frame; None: PyAV does not, either.

    `name`: what messages call it. Raises VistreamError where the `codec` is known, as OpenCV calls it.
    """
    capture, reason = _open_pyav(source, name)
    if capture is not None:
        log.info("%s is decoded by PyAV (%s)", name, capture.codec)
    elif codec:
        # its index may be at its end, and the server unable to skip to that
        advice = "" if isinstance(source, Path) else ": download it, and give the file"
        raise VistreamError(f"{name} holds no frame that can be decoded, by OpenCV ({codec}), {reason}{advice}")
    return capture


def _text_in(path: Path) -> str | None:
    """What a text with the name of a video is, as far as its beginning tells; None for what is no text."""
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS: fetch the file itself, with git lfs pull"
    text = head.decode("utf-8", "replace")
    if not text or any(not letter.isprintable() and not letter.isspace() for letter in text):
        return None
    page = "<html" in text.lower() or text.lower().lstrip().startswith("<!doctype")
    return "it is a web page, which a download may have left in place of the video" if page else "it is text"


def draws_text(capture: Capture) -> bool:
    """Whether FFmpeg makes pictures of the letters of a text, as it does with some names (.txt, .nfo)."""
    return fourcc(capture).lower() == "ansi"


def fourcc(capture: Capture) -> str:
    """The four letters of the codec, or nothing where there are none."""
    number = int(capture.get(cv2.CAP_PROP_FOURCC))
    letters = bytes((number >> shift) & 0xFF for shift in (0, 8, 16, 24)).decode("latin-1").strip("\0 ")
    return letters if letters.isprintable() else ""


def last_seconds(path: Path) -> float | None:
    """Where the last packet of any stream ends, sound too, in seconds; None without PyAV, or where it can't tell.

    A file that is whole reaches the duration that it declares, even where its picture ends before its sound.
    """
    try:
        import av
    except ImportError:
        return None
    try:
        with open_container(path) as container:
            ends = [
                float((packet.pts + (packet.duration or 0)) * packet.time_base)
                for packet in container.demux()
                if packet.pts is not None and packet.time_base is not None
            ]
    except (av.error.FFmpegError, OSError, ValueError):
        return None
    return max(ends, default=None)


def _open_pyav(source: Path | str, name: str) -> tuple[PyAvCapture | None, str]:
    """A capture that gives frames; or None, and why."""
    try:
        import av
    except ImportError:
        return None, "and PyAV is not here: pip install 'vistream[h264]'"
    try:
        container = open_container(source)
        if not container.streams.video:
            container.close()
            raise VistreamError(f"{name} holds no picture: it is sound alone")
        codec, known = codec_of(container, container.streams.video[0])
        if not known:
            container.close()
            raise VistreamError(
                f"{name} can't be decoded: neither OpenCV nor PyAV knows its codec ({codec}); if another program "
                "plays it, convert it to H.264 there"
            )
        capture = PyAvCapture(container, codec)
        if capture.ahead():
            return capture, ""
        capture.release()
    except (av.error.FFmpegError, OSError, ValueError) as error:
        return None, f"nor by PyAV: {getattr(error, 'strerror', None) or type(error).__name__}"
    return None, "nor by PyAV"
