"""How much of an MP4 its edit list shows: cameras and lossless cutters hide frames without removing them.

It reads the few boxes of ISO/IEC 14496-12 that say so, and nothing else of the file.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path


def _boxes(data: mmap.mmap, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes between two offsets: kind, and where its content starts and ends."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        header = 8
        if size == 1 and start + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            header = 16
        elif size == 0:
            size = end - start
        if size < header:
            return
        yield kind, start + header, min(start + size, end)
        start += size


def _inside(data: mmap.mmap, path: tuple[bytes, ...], start: int, end: int) -> tuple[int, int] | None:
    """Content of the first box at `path`, or None."""
    for kind, first, last in _boxes(data, start, end):
        if kind == path[0]:
            return (first, last) if len(path) == 1 else _inside(data, path[1:], first, last)
    return None


def _edited_ticks(data: mmap.mmap, start: int, end: int) -> int:
    """Summed duration of the edits in an `elst` box that show media, in ticks of the movie."""
    version, count = struct.unpack_from(">B3xI", data, start)
    entry = ">QqI" if version == 1 else ">IiI"
    size = struct.calcsize(entry)
    count = min(count, (end - start - 8) // size)
    edits = [struct.unpack_from(entry, data, start + 8 + size * i) for i in range(count)]
    return sum(duration for duration, media_time, _ in edits if media_time >= 0)


def presented_seconds(path: Path) -> float | None:
    """Seconds of the first video track that the edit list shows; None where there is no such list."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _presented_seconds(data)
        except struct.error:  # cut short, or not what it says it is
            return None


def _presented_seconds(data: mmap.mmap) -> float | None:
    moov = _inside(data, (b"moov",), 0, len(data))
    header = moov and _inside(data, (b"mvhd",), *moov)
    if not moov or not header:
        return None
    # after version, flags and two dates of 4 or 8 bytes each
    (timescale,) = struct.unpack_from(">I", data, header[0] + (20 if data[header[0]] == 1 else 12))
    for kind, start, end in _boxes(data, *moov):
        handler = _inside(data, (b"mdia", b"hdlr"), start, end) if kind == b"trak" else None
        if handler and data[handler[0] + 8 : handler[0] + 12] == b"vide":
            edits = _inside(data, (b"edts", b"elst"), start, end)
            ticks = _edited_ticks(data, *edits) if edits else 0
            return ticks / timescale if ticks and timescale else None
    return None
