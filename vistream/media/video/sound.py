"""Pictures that were drawn and the sound of their source, copied packet by packet into one file: nothing is encoded
anew."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vistream.media.video.container import codec_of, open_container
from vistream.media.video.times import Times

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


def sound_of(spec: str) -> Path | None:
    """The file that holds the sound of a source, as the user wrote it; None where there is none."""
    path = Path(spec)
    return path if "://" not in spec and path.is_file() else None


def mux(pictures: InputContainer, times: Times, sound: Path | None, new: OutputContainer, suffix: str) -> None:
    """Copy the pictures of one file and as much sound of another into a third, in order of time.

    `times`: those of the pictures in their source, which they get where these are uneven.
    """
    import av

    source = pictures.streams.video[0]
    stream = new.add_stream_from_template(source)
    seconds = float(pictures.duration or 0) / av.time_base
    shown = _with_stream(pictures.demux(source), stream)
    if times.uneven:
        moments = times.milliseconds()
        seconds = moments[-1] / 1000 + seconds / len(moments)  # and the last one's own
        shown = _at(moments, shown)
    if sound is None:
        _mux(new, ((0.0, 0, packet) for packet in shown))
        return
    with open_container(sound) as old:
        track = old.streams.audio[0] if old.streams.audio else None
        if track is not None and (reason := _why_left_out(old, track, suffix)):
            log.warning("the sound of %s is left out: %s", sound, reason)
            track = None
        seen = ((_seconds(packet), 0, packet) for packet in shown)
        heard = iter(()) if track is None else _heard(old, track, times.start, seconds, new)
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


def _at(moments: Sequence[int], packets: Iterator[Packet]) -> Iterator[Packet]:
    """The pictures, one a packet and in order, at other moments, in milliseconds."""
    for packet, moment, following in zip(packets, moments, (*moments[1:], None), strict=True):
        kept = round(1000 * float((packet.duration or 0) * (packet.time_base or Fraction(1))))
        packet.time_base = Fraction(1, 1000)
        packet.pts = packet.dts = moment
        packet.duration = kept if following is None else following - moment
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
