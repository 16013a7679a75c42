"""A few frames, evenly spread over a source."""

from __future__ import annotations

from collections.abc import Iterator

from vistream.media.video.frames import SourceFrame
from vistream.media.video.source import open_source


def spread_frames(spec: str, count: int, start: int = 0) -> Iterator[SourceFrame]:
    """At most `count` frames of a source, evenly spread where its length is known, else its first ones."""
    with open_source(spec, start=start) as source:
        stride = 1 if source.frame_count is None else max(1, source.frame_count // count)
    with open_source(spec, start=start, stride=stride, max_frames=count) as source:
        yield from source
