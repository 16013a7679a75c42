"""Pictures that move: animated WebP, PNG and AVIF, and TIFF of many pages, decoded by Pillow.

Each frame is shown for as long as the file says.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from PIL import Image

from vistream.errors import VistreamError
from vistream.media.video.frames import Source, SourceFrame, Window
from vistream.media.video.picture import load_picture
from vistream.media.video.pixels import pixels_of

SUFFIXES = frozenset((".webp", ".png", ".apng", ".avif", ".tif", ".tiff"))
SHORTEST = 0.01  # seconds: what players take a duration of 0 for is longer, and never 0
UNTIMED = 0.1  # seconds a frame, where the file has no times


def frames_in(path: Path) -> int:
    """How many frames an image file holds; 1 for one that can't be read, of which reading it will complain.

    Pages of another size than the first are no frames: a thumbnail, or the same in less detail.
    """
    if path.suffix.lower() not in SUFFIXES:
        return 1
    try:
        with Image.open(path) as image:
            count, size = int(getattr(image, "n_frames", 1)), image.size
            if count > 1:
                image.seek(1)
            return count if image.size == size else 1
    except Exception:  # a damaged file makes Pillow fail in any way it likes
        return 1


def open_animation(path: Path, window: Window) -> Source:
    """A source over the frames of an animated image. Raises VistreamError where it begins after the last one."""
    load_picture(path)  # refuses what is damaged or too large
    count = frames_in(path)
    if window.start >= count:
        raise VistreamError(f"start is {window.start}, but {path} has only {count} frames, counted from 0")
    with Image.open(path) as image:
        image.load()  # which tells the first frame's duration
        first = float(image.info.get("duration") or 0) / 1000
    fps = 1 / max(first or UNTIMED, SHORTEST)
    return Source(str(path), _frames(path, window), fps=fps, frame_count=window.count(count))


def _frames(path: Path, window: Window) -> Generator[SourceFrame, None, None]:
    given, time = 0, 0.0
    with Image.open(path) as image:
        for index in range(int(getattr(image, "n_frames", 1))):
            if given == window.max_frames:
                return
            try:
                image.seek(index)
                picture = pixels_of(image)
            except Exception as error:  # a damaged frame makes Pillow fail in any way it likes
                reason = (str(error).splitlines() or [""])[0] or type(error).__name__
                raise VistreamError(f"{path}: frame {index} can't be decoded: {reason}") from None
            if window.takes(index):
                yield SourceFrame(index, time, picture, f"{index:06d}")
                given += 1
            time += max(float(image.info.get("duration") or 0) / 1000 or UNTIMED, SHORTEST)
