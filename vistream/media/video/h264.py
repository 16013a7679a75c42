"""H.264 through PyAV, in a file that is a valid video after every frame, so that a kill loses one frame at the most.

While it grows, an MP4 is made of one fragment a frame (ISO/IEC 14496-12, movie fragments), a Matroska file of one
cluster a frame; the encoder holds no frame back. Once complete it is rewritten, without another encoding, into the
usual form with an index, in which players jump faster.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vistream.atomic import replacing
from vistream.errors import VistreamError
from vistream.media.video.container import codec_of, file_name, open_container
from vistream.media.video.sound import mux
from vistream.media.video.times import Times
from vistream.types import Frame

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import OutputContainer
    from av.packet import Packet as AnyPacket
    from av.video.stream import VideoStream

    Packet = AnyPacket[VideoStream]

log = logging.getLogger("vistream")

CRF = 20  # x264's constant rate factor: 18 looks lossless, 23 is its default
PRESET = "veryfast"  # the encoder shares the CPU with the tracker
FRAGMENTED = {"movflags": "frag_every_frame+empty_moov+default_base_moof", "flush_packets": "1"}
REFUSAL = "the video can't be gone on with; resume without it, or begin anew"
CLUSTERED = {"cluster_time_limit": "1", "flush_packets": "1"}


def why_no_h264() -> str | None:
    """Why H.264 can't be written here, or None if it can."""
    try:
        import av
    except ImportError:
        return "PyAV is not installed (pip install 'vistream[h264]')"
    return None if "libx264" in av.codecs_available else "this PyAV was built without libx264"


class H264:
    """Frames into the video file `path`, made anew; 4:2:0 colour, as every player expects.

    `size` (width, height) must be even. `before`: an earlier file of the same making, whose first `keep` frames are
    copied in first. In the end pictures get their `times`, where these are uneven, and are joined by the `sound` of a
    file.
    Raises VistreamError where it can't be written, or `before` is not such a file.
    """

    def __init__(
        self,
        path: Path,
        fps: float,
        size: tuple[int, int],
        times: Times,
        before: Path | None = None,
        keep: int = 0,
        sound: Path | None = None,
    ) -> None:
        import av

        self._path, self._times, self._sound = path, times, sound
        options = CLUSTERED if path.suffix.lower() == ".mkv" else FRAGMENTED
        with clear(self._path):
            self._container: OutputContainer = av.open(file_name(path), "w", options=options)
            self._stream: VideoStream = self._container.add_stream(
                "libx264", rate=Fraction(fps).limit_denominator(1001)
            )
            self._stream.width, self._stream.height = size
            self._stream.pix_fmt = "yuv420p"
            self._stream.options = {"crf": str(CRF), "preset": PRESET, "tune": "zerolatency"}
            self._stream.codec_context.open()
        self._frames = 0
        if before is not None:
            try:
                self._copy(before, keep)
            except BaseException:
                self.abandon()
                raise

    def write(self, frame: Frame) -> None:
        picture = in_yuv(frame)
        picture.pts = self._frames
        picture.time_base = 1 / Fraction(self._stream.codec_context.rate)
        self._frames += 1
        with clear(self._path):
            self._container.mux(self._stream.encode(picture))

    def close(self) -> None:
        with clear(self._path):
            self._container.mux(self._stream.encode())
            self._container.close()
            if self._frames:
                rewrite(self._path, self._times, self._sound)

    def abandon(self) -> None:
        """Close without finishing: what has been written stays as it is."""
        try:
            self._container.close()
        except OSError:  # no room for what it had left to say
            log.debug("%s was not closed properly", self._path)

    def _copy(self, before: Path, keep: int) -> None:
        with clear(self._path):
            for packet in itertools.islice(_packets_of(before, self._stream.codec_context.extradata), keep):
                packet.pts = packet.dts = self._frames
                packet.time_base, packet.duration = 1 / Fraction(self._stream.codec_context.rate), 1
                packet.stream = self._stream
                self._frames += 1
                self._container.mux(packet)
        if self._frames < keep:
            raise VistreamError(f"{before} holds {self._frames} frames, {keep} are needed: {REFUSAL}")


def _packets_of(before: Path, encoder: bytes | None) -> Iterator[Packet]:
    """The pictures of a file of this making, in the form in which the encoder with these parameter sets delivers."""
    import av

    try:
        with open_container(before) as old:
            source = old.streams.video[0] if old.streams.video else None
            if source is None or codec_of(old, source) != ("h264", True):
                raise VistreamError(f"{before} is no H.264 video: {REFUSAL}")
            if not _encoded_alike(encoder, source.codec_context.extradata):
                raise VistreamError(f"{before} was encoded in another way: {REFUSAL}")
            plain = av.BitStreamFilterContext("h264_mp4toannexb", source)
            for packet in old.demux(source):
                yield from (filtered for filtered in plain.filter(packet) if filtered.size)
    except av.error.FFmpegError as error:
        raise VistreamError(f"{before} is damaged ({error.strerror}): {REFUSAL}") from None


def in_yuv(frame: Frame) -> VideoFrame:
    """An RGB picture in 4:2:0 colour, as encoders take it."""
    from av import VideoFrame

    picture = VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
    # nothing is scaled, so this is what the bicubic default gives, in less than half the time
    return picture.reformat(format="yuv420p", interpolation="BILINEAR")


@contextmanager
def clear(path: Path) -> Iterator[None]:
    """What FFmpeg complains of while it writes `path`, as one line."""
    import av

    try:
        yield
    except av.error.FFmpegError as error:
        raise VistreamError(f"{path}: the video can't be written: {error.strerror}") from None


def _encoded_alike(encoder: bytes | None, stored: bytes | None) -> bool:
    """Whether a file has the parameter sets of this encoder, so that the frames of both can follow each other."""
    sets = [part for part in (encoder or b"").split(b"\0\0\0\1") if part]
    return bool(sets) and all(part in (stored or b"") for part in sets)


def whole_name(path: Path) -> Path:
    """What a finished file is called while it is rewritten."""
    return path.with_name(f"{path.stem}.whole{path.suffix}")


def rewrite(path: Path, times: Times, sound: Path | None = None) -> None:
    """Into the usual form, packet by packet, at the right times and with the sound; where that fails, the file stays as
    it is."""
    import av

    plain = whole_name(path)
    suffix = path.suffix.lower()
    options = {"movflags": "faststart"} if suffix in (".mp4", ".mov") else {}
    try:
        with (
            replacing(plain) as temporary,
            open_container(path) as old,
            av.open(file_name(temporary), "w", options=options) as new,
        ):
            mux(old, times, sound, new, suffix)
        plain.replace(path)
    except (av.error.FFmpegError, OSError, ValueError, VistreamError) as error:  # ValueError: a codec it does not hold
        log.warning("%s stays as it was written, without sound: %s", path, error)
