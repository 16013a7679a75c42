"""Readers of video files: as a source, for their sound, and to go on with; with small valid files to start from."""

from __future__ import annotations

import shutil
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import numpy as np

from fuzzing.reader import Reader

SIZE = (32, 16)
FRAMES = 8
VIDEO = {"a.mp4": "libx264", "b.mkv": "libx264", "c.avi": "mpeg4", "d.webm": "libvpx", "e.ts": "libx264"}
SOUND = {"a.mp4": "aac", "b.mkv": "libopus", "c.avi": "pcm_s16le", "d.mov": "pcm_s24le"}

EXACT = {"fflags": "+bitexact"}
"""Of FFmpeg: no random numbers in the file."""


def _encoded(path: Path, video: str, sound: str | None = None) -> Path:
    """Noise, and a fifth of a second of silence."""
    import av
    from av.audio.stream import AudioStream
    from av.video.stream import VideoStream

    rng = np.random.default_rng(0)
    with av.open(str(path), "w", options=EXACT) as container:
        stream = container.add_stream(video, rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        heard = container.add_stream(sound, rate=48_000, layout="mono") if sound else None
        for _ in range(FRAMES):
            picture = rng.integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
        if heard is not None:
            assert isinstance(heard, AudioStream)
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 9600), np.int16), format="s16", layout="mono")
            silence.sample_rate = 48_000
            resampler = av.AudioResampler(heard.format, heard.layout, 48_000, heard.codec_context.frame_size or 960)
            for frame in (*resampler.resample(silence), *resampler.resample(None)):
                container.mux(heard.encode(frame))
            container.mux(heard.encode())
    return path


def _video_seeds(folder: Path) -> list[Path]:
    return [_encoded(folder / name, codec) for name, codec in VIDEO.items()]


def _video(path: Path) -> object:
    from vistream.media.video.source import open_source

    with open_source(str(path)) as source:
        return sum(frame.image.size for frame in islice(source, 20))


def _sound_seeds(folder: Path) -> list[Path]:
    return [_encoded(folder / name, "libx264", codec) for name, codec in SOUND.items()]


def _sound(path: Path) -> None:
    """Give its sound to a video that is whole."""
    from vistream.media.video.h264 import rewrite
    from vistream.media.video.times import Times

    whole, video = path.with_name("whole.mkv"), path.with_name("with_sound.mkv")
    if not whole.exists():
        _encoded(whole, "libx264")
    shutil.copy(whole, video)
    rewrite(video, Times(25.0), path)


def _part_seeds(folder: Path) -> list[Path]:
    """What a run that was killed leaves of its video."""
    from vistream.media.video.h264 import H264
    from vistream.media.video.times import Times

    paths = [folder / name for name in ("a.mp4", "b.mkv")]
    with patch.dict("vistream.media.video.h264.CLUSTERED", EXACT):
        for path in paths:
            part = H264(path, 25.0, SIZE, Times(25.0))
            for level in range(FRAMES):
                part.write(np.full((SIZE[1], SIZE[0], 3), level * 30, np.uint8))
            part.abandon()
    return paths


def _part(path: Path) -> None:
    """Go on with it after three frames."""
    from vistream.media.video.h264 import H264
    from vistream.media.video.times import Times

    H264(path.with_name(f"resumed{path.suffix}"), 25.0, SIZE, Times(25.0), path, 3).close()


VIDEOS: dict[str, Reader] = {
    "video": Reader(_video_seeds, _video),
    "sound": Reader(_sound_seeds, _sound),
    "part": Reader(_part_seeds, _part),
}
