"""`open_source`: from what the user typed to an iterator of frames."""

from __future__ import annotations

import glob
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from vistream.addresses import without_secrets
from vistream.errors import VistreamError
from vistream.media.video.animation import frames_in, open_animation
from vistream.media.video.frames import Source, SourceFrame, Window
from vistream.media.video.images import IMAGE_SUFFIXES, images_in, matching, open_images
from vistream.media.video.live import open_camera, open_url
from vistream.media.video.videofile import open_video

__all__ = ["Source", "SourceFrame", "open_source"]


PAGES = (
    *("youtube.com", "youtu.be", "vimeo.com", "twitch.tv", "tiktok.com", "bilibili.com", "dailymotion.com"),
    *("instagram.com", "facebook.com", "x.com", "twitter.com", "reddit.com", "drive.google.com"),
)
"""Sites whose addresses are of pages around a video, which only a program of their own gets out of them."""
NUMBERED = re.compile(r"%0?[0-9]*d")


def check_name(spec: str) -> None:
    """Raise VistreamError for no name, the address of a page or of a file, and a name that no decoder can be told."""
    if not spec:  # pathlib takes it for this folder, whose pictures nobody meant
        raise VistreamError("the source's name is empty: give a video, a folder or glob of images, a camera or a URL")
    if spec.lower().startswith("file://"):  # taken for a camera it could be an output, too
        raise VistreamError(f"{spec} is a file of this machine: give its path, {unquote(urlsplit(spec).path)}")
    host = _host(spec)
    if any(host == page or host.endswith(f".{page}") for page in PAGES) and not Path(spec).exists():
        raise VistreamError(f"{spec} is a page, not a video: fetch it first, with yt-dlp -o video.mp4 '{spec}'")
    try:
        spec.encode()
    except UnicodeEncodeError:
        shown = spec.encode("utf-8", "backslashreplace").decode()
        raise VistreamError(f"{shown}: the name is not valid UTF-8: rename the file") from None


def _host(spec: str) -> str:
    """Of an address, which may lack its `https://`; else nothing."""
    try:
        return urlsplit(spec if "://" in spec else f"https://{spec}").hostname or ""
    except ValueError:  # brackets that hold no address
        return ""


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
    check_name(spec)
    if "://" in spec:
        return open_url(spec, window, reconnect)
    path = Path(spec)
    if path.is_char_device() or (spec.isdecimal() and not path.exists()):
        return open_camera(spec, window, reconnect)
    window = window.of_file()
    if path.is_dir():
        return open_images(spec, images_in(path), window)
    if path.is_file():
        if frames_in(path) > 1:
            return open_animation(path, window)
        if path.suffix.lower() in IMAGE_SUFFIXES:
            return open_images(spec, [path], window)
        return open_video(path, window)
    shown = without_secrets(spec)
    if spec == "-" or path.exists():
        raise VistreamError(f"{shown} is a pipe or a device: frames are read from files, folders, cameras and URLs")
    if NUMBERED.search(path.name) and path.parent.is_dir():
        raise VistreamError(f"{shown} does not exist: for numbered images give their folder, {path.parent}")
    if glob.has_magic(spec):
        return open_images(spec, [Path(match) for match in matching(spec)], window)
    raise VistreamError(f"{shown} does not exist: give a video, a folder or glob of images, a camera or a URL")
