"""What pages and chats take: WebM (VP9), and GIF, by PyAV. Neither can be gone on with once it was interrupted."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vistream.media.video.container import file_name
from vistream.media.video.h264 import clear, in_yuv, rewrite
from vistream.media.video.times import Times
from vistream.types import Frame

if TYPE_CHECKING:
    from av.filter import Graph
    from av.video.stream import VideoStream

FASTEST_GIF = 50
"""Frames a second: many programs play what is faster at a tenth of that."""


class WebM:
    """VP9 into `path`, 4:2:0 colour; `size` (width, height) must be even."""

    def __init__(self, path: Path, fps: float, size: tuple[int, int], times: Times, sound: Path | None = None) -> None:
        import av

        self._path, self._times, self._sound = path, times, sound
        with clear(path):
            self._container = av.open(file_name(path), "w", format="webm")
            options = {"crf": "32", "b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"}
            rate = Fraction(fps).limit_denominator(1001)
            self._stream: VideoStream = self._container.add_stream("libvpx-vp9", rate=rate, options=options)
            self._stream.width, self._stream.height = size
            self._stream.pix_fmt = "yuv420p"

    def write(self, frame: Frame) -> None:
        with clear(self._path):
            self._container.mux(self._stream.encode(in_yuv(frame)))

    def close(self) -> None:
        with clear(self._path):
            self._container.mux(self._stream.encode())
            self._container.close()
        if self._times and (self._sound is not None or self._times.uneven):
            rewrite(self._path, self._times, self._sound)

    def abandon(self) -> None:
        self._container.close()


class Gif:
    """An animated GIF in `path`, at an even rate, with the best 256 colours of each frame; it repeats without end."""

    def __init__(self, path: Path, fps: float, size: tuple[int, int]) -> None:
        import av

        self._path, self._size, self._frames = path, size, 0
        self._rate = Fraction(min(fps, FASTEST_GIF)).limit_denominator(1001)
        self._graph: Graph | None = None
        with clear(path):
            self._container = av.open(file_name(path), "w", format="gif")
            self._stream: VideoStream = self._container.add_stream("gif", rate=self._rate)
            self._stream.width, self._stream.height = size
            self._stream.pix_fmt = "pal8"

    def _colours(self) -> Graph:
        """A palette is made of each frame, and used for it."""
        from av.filter import Graph
        from av.video.format import VideoFormat

        graph, (width, height) = Graph(), self._size
        begin = graph.add_buffer(width=width, height=height, format=VideoFormat("rgb24"), time_base=1 / self._rate)
        split = graph.add("split")
        made = graph.add("palettegen", "stats_mode=single")
        used = graph.add("paletteuse", "new=1:dither=bayer:bayer_scale=4")
        end = graph.add("buffersink")
        begin.link_to(split)
        split.link_to(used, 0, 0)
        split.link_to(made, 1, 0)
        made.link_to(used, 0, 1)
        used.link_to(end)
        graph.configure()
        return graph

    def write(self, frame: Frame) -> None:
        from av import VideoFrame

        with clear(self._path):
            self._graph = self._graph or self._colours()
            picture = VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24")
            picture.pts, picture.time_base = self._frames, 1 / self._rate
            self._frames += 1
            self._graph.vpush(picture)
            self._container.mux(self._stream.encode(self._graph.vpull()))

    def close(self) -> None:
        with clear(self._path):
            self._container.mux(self._stream.encode())
            self._container.close()

    def abandon(self) -> None:
        self._container.close()
