"""Video files opened with PyAV for reading, and what the codecs of their streams are called."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream


TIMEOUT = 10.0  # seconds that an address has to answer in


def file_name(path: Path) -> str:
    """What FFmpeg is told of a file: in a bare name, what stands before a colon would be a protocol to it."""
    return str(path.absolute())


def open_container(source: Path | str) -> InputContainer:
    """A file, or what is at an address, whatever letters its titles are in: AVI files have them in the code page of
    their makers.

    Raises `av.error.FFmpegError`, or OSError.
    """
    import av

    if isinstance(source, Path):
        return av.open(file_name(source), metadata_errors="replace")
    return av.open(source, metadata_errors="replace", timeout=TIMEOUT)


def codec_of(container: InputContainer, stream: VideoStream | AudioStream) -> tuple[str, bool]:
    """FFmpeg's name of the codec (not of its decoder: mp3, not mp3float), or the container's tag of it where there is
    none; and whether it can be decoded.

    PyAV gives a stream without a decoder no attributes, whatever its types say.
    """
    context: object = stream.codec_context
    if context is not None:
        return str(stream.codec_context.codec.canonical_name), True
    return tag_in(_description(container), stream.index), False


def tag_in(description: str, index: int) -> str:
    """What a description by FFmpeg's `av_dump_format` calls the codec of stream `index`.

    >>> tag_in("  Stream #0:1(und): Video: none (qqqq / 0x71717171), none, 32x16, 25 fps", 1)
    'qqqq'
    >>> tag_in("  Stream #0:0[0x1]: Video: evc (evc1 / 0x31637665), none", 0)
    'evc'
    >>> tag_in("", 0)
    'unknown'
    """
    found = re.search(rf"^  Stream #0:{index}\b.*?: [A-Z]\w+: (\w+)(?: \(([^()]+) / 0x)?", description, re.MULTILINE)
    name, tag = found.groups() if found else ("none", None)
    return name if name != "none" else tag or "unknown"


def _description(container: InputContainer) -> str:
    import av

    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)  # it is given as a message
    try:
        described: str = container.dumps_format()  # type: ignore[attr-defined]  # PyAV's stubs lack it
        return described
    finally:
        av.logging.set_level(level)
