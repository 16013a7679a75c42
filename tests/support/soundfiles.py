"""Small videos with sound for tests: pictures that are known, silence, and a tone in the second half."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from vistream.types import Frame

SIZE, FPS, RATE = (96, 64), 25, 48_000


def picture(index: int) -> Frame:
    frame = np.full((SIZE[1], SIZE[0], 3), 60, np.uint8)
    frame[20:40, 2 * index : 2 * index + 20] = (240, 30, 30)
    return frame


def source(path: Path, codec: str = "aac", title: str = "") -> Path:
    """Two seconds of pictures; silence, and a tone in the second one."""
    with av.open(str(path), "w") as container:
        if title:
            container.metadata["title"] = title
        seen = container.add_stream("libx264", rate=FPS)
        heard = container.add_stream(codec, rate=RATE, layout="mono")
        assert isinstance(seen, VideoStream)
        assert isinstance(heard, AudioStream)
        seen.width, seen.height = SIZE
        seen.pix_fmt = "yuv420p"
        for index in range(2 * FPS):
            container.mux(seen.encode(av.VideoFrame.from_ndarray(picture(index % 30), format="rgb24")))
        moments = np.arange(2 * RATE) / RATE
        tone = (np.sin(2 * np.pi * 440 * moments) * (moments >= 1)).astype(np.float32)
        resampler = av.AudioResampler(heard.format, heard.layout, RATE, heard.codec_context.frame_size or 960)
        for begin in range(0, len(tone), 960):
            samples = av.AudioFrame.from_ndarray(tone[None, begin : begin + 960], format="fltp", layout="mono")
            samples.sample_rate, samples.pts = RATE, begin
            for frame in resampler.resample(samples):
                container.mux(heard.encode(frame))
        container.mux(seen.encode())
        container.mux(heard.encode())
    return path
