"""`open_source`: from what the user typed to an iterator of frames."""

from __future__ import annotations

import glob
from pathlib import Path

from vistream.addresses import without_secrets
from vistream.errors import VistreamError
from vistream.media.video.frames import Source, SourceFrame, Window
from vistream.media.video.images import IMAGE_SUFFIXES, images_in, open_images
from vistream.media.video.live import open_camera, open_url
from vistream.media.video.videofile import open_video

__all__ = ["Source", "SourceFrame", "open_source"]


def open_source(
    spec: str,
    *,
    start: int = 0,
    stride: int = 1,
    max_frames: int | None = None,
    after: int | None = None,
    reconnect: bool = True,
) -> Source:
    """Open a video file, a folder or glob of images, a camera ("0", "/dev/video0") or an RTSP / HTTP(S) URL.

    Images are taken in natural order of their names (frame2 before frame10). Something that exists on disk
    goes before a camera of the same name. Frames `start`, `start + stride`, ... are delivered, at most
    `max_frames`. The first frame is decoded here; `VistreamError` says what is wrong where that fails.
    `after`: the last frame that an earlier run took, see `Window`. `reconnect`: of a live source that is lost.
    """
    window = Window(start, stride, max_frames, after)
    if "://" in spec:
        return open_url(spec, window, reconnect)
    path = Path(spec)
    if path.is_char_device() or (spec.isdecimal() and not path.exists()):
        return open_camera(spec, window, reconnect)
    window = window.of_file()
    if path.is_dir():
        return open_images(spec, images_in(path), window)
    if path.is_file():
        if path.suffix.lower() in IMAGE_SUFFIXES:
            return open_images(spec, [path], window)
        return open_video(path, window)
    if glob.has_magic(spec):
        matches = glob.glob(spec, recursive=True)  # noqa: PTH207 (Path.glob takes no absolute pattern)
        return open_images(spec, [Path(match) for match in matches], window)
    shown = without_secrets(spec)
    raise VistreamError(f"{shown} does not exist: give a video, a folder or glob of images, a camera or a URL")
