"""Small videos for tests, of pictures that are known: written, cut short, and read whole."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from vistream.media.video import SourceFrame, open_source
from vistream.types import Frame

FRAMES, FPS, SIZE = 60, 25, (96, 64)


def picture(index: int, size: tuple[int, int] = SIZE) -> Frame:
    """A bar that moves with the index over a coloured ramp; red and blue differ, so that a swap shows."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    image[..., 0] = 60 + np.arange(size[0]) % 120
    image[..., 2] = 30
    at = 4 * index % max(1, size[0] - 8)
    image[:, at : at + 8] = (230, 200, 20)
    return image


def write_video(path: Path, frames: int = FRAMES, *, interlaced: bool = False, gop: int = 250, **options: str) -> Path:
    """An H.264 file with B-frames and a long GOP, so that seeking by key frame would land elsewhere."""
    codec = {".webm": "libvpx", ".avi": "mpeg4"}.get(path.suffix, "libx264")
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=FPS)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.gop_size = gop
        if interlaced:
            stream.options = {"x264-params": "tff=1"}
        rng = np.random.default_rng(1)
        for i in range(frames):
            noisy = picture(i) + rng.integers(0, 20, (*picture(i).shape[:2], 1), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noisy, format="rgb24")))
        container.mux(stream.encode())
    return path


def take(spec: Path | str, *, start: int = 0, stride: int = 1, max_frames: int | None = None) -> list[SourceFrame]:
    with open_source(str(spec), start=start, stride=stride, max_frames=max_frames) as source:
        return list(source)


def cut(path: Path, to: Path, share: float) -> Path:
    data = path.read_bytes()
    to.write_bytes(data[: int(len(data) * share)])
    return to
