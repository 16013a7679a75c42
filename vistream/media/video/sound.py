"""The sound of a source, copied packet by packet beside the pictures that were drawn; nothing is encoded anew."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vistream.media.video.container import codec_of, open_container

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet as AnyPacket

    Packet = AnyPacket[Any]

log = logging.getLogger("vistream")

HELD = {
    ".mp4": ("aac", "mp3", "ac3", "eac3", "opus", "flac", "alac"),
    ".mov": ("aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s24le"),
    ".webm": ("opus", "vorbis"),
}
"""Codecs that a container holds and players play there; a Matroska file holds any."""


@dataclass(frozen=True, slots=True)
class Sound:
    """That of the file `path`, from `start` on, in seconds of its pictures."""

    path: Path
    start: float = 0.0


def sound_of(spec: str, start: int, stride: int, fps: float) -> Sound | None:
    """Of a source, as the user wrote it, from its frame `start` on; None where there is none, or time is not kept."""
    path = Path(spec)
    return Sound(path, start / fps) if stride == 1 and "://" not in spec and path.is_file() else None


def mux_with_sound(pictures: InputContainer, sound: Sound | None, new: OutputContainer, suffix: str) -> None:
    """Copy the pictures of one file and as much sound of another into a third, in order of time."""
    import av

    source = pictures.streams.video[0]
    stream = new.add_stream_from_template(source)
    seconds = float(pictures.duration or 0) / av.time_base
    if sound is None:
        _mux(new, ((0.0, 0, packet) for packet in _with_stream(pictures.demux(source), stream)))
        return
    with open_container(sound.path) as old:
        track = old.streams.audio[0] if old.streams.audio else None
        if track is not None and (reason := _why_left_out(old, track, suffix)):
            log.warning("the sound of %s is left out: %s", sound.path, reason)
            track = None
        seen = ((_seconds(packet), 0, packet) for packet in _with_stream(pictures.demux(source), stream))
        heard = iter(()) if track is None else _heard(old, track, sound.start, seconds, new)
        _mux(new, heapq.merge(seen, heard, key=lambda entry: entry[:2]))


def _why_left_out(old: InputContainer, track: AudioStream, suffix: str) -> str | None:
    """Why a track can't be copied into a container, or None if it can."""
    codec, known = codec_of(old, track)
    if not known:
        return f"PyAV does not know its codec ({codec}); convert it to AAC to keep it"
    held = HELD.get(suffix)
    return None if held is None or codec in held else f"{suffix} does not hold {codec}"


def _mux(new: OutputContainer, packets: Iterator[tuple[float, int, Packet]]) -> None:
    for _, _, packet in packets:
        new.mux(packet)


def _with_stream(packets: Iterator[Packet], stream: Any) -> Iterator[Packet]:
    for packet in packets:
        if packet.size:
            packet.stream = stream
            yield packet


def _heard(
    old: InputContainer, track: AudioStream, start: float, seconds: float, new: OutputContainer
) -> Iterator[tuple[float, int, Packet]]:
    """The packets between `start` and `seconds` later, in times from 0."""
    stream = new.add_stream_from_template(track)
    video = old.streams.video[0] if old.streams.video else track
    begin = start + float((video.start_time or 0) * (video.time_base or Fraction(1)))

    def packets() -> Iterator[tuple[float, int, Packet]]:
        for packet in old.demux(track):
            if not packet.size or packet.pts is None:
                continue
            at = _seconds(packet) - begin
            if at >= seconds:
                return
            if at >= 0:
                shift = round(begin / (packet.time_base or Fraction(1)))
                packet.pts -= shift
                packet.dts = packet.pts if packet.dts is None else packet.dts - shift
                packet.stream = stream
                yield at, 1, packet

    return packets()


def _seconds(packet: Packet) -> float:
    time = packet.dts if packet.dts is not None else packet.pts
    return float((time or 0) * (packet.time_base or Fraction(1)))
