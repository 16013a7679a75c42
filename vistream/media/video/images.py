"""A folder, a glob or a list of images as a source."""

from __future__ import annotations

import configparser
import glob
import logging
import os
import re
from collections.abc import Generator, Iterable
from pathlib import Path

import numpy as np
from PIL import ImageOps

from vistream.errors import VistreamError
from vistream.media.video.frames import Source, SourceFrame, Window
from vistream.media.video.picture import load_picture
from vistream.media.video.pixels import pixels_of
from vistream.types import Frame

log = logging.getLogger("vistream")

IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pnm", ".jp2"))
NOMINAL_FPS = 30.0  # for the times of images that come with no frame rate


def natural_key(path: Path) -> tuple[tuple[str | int, ...], str]:
    """Sort key that takes runs of digits as numbers, everything else as text without case.

    >>> [p.name for p in sorted(map(Path, ["f10.png", "F2.png", "f1.png"]), key=natural_key)]
    ['f1.png', 'F2.png', 'f10.png']
    """
    parts = re.split(r"([0-9]+)", str(path))  # text and numbers alternate, so like meets like
    return tuple(int(part) if i % 2 else part.casefold() for i, part in enumerate(parts)), str(path)


def matching(pattern: str) -> list[str]:
    """The names of a glob, in order; brackets in the name of a folder that is there mean themselves."""
    folder, name = os.path.split(pattern)
    if Path(folder).is_dir():
        pattern = str(Path(glob.escape(folder)) / name)
    return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 (Path.glob takes no absolute pattern)


def images_in(folder: Path) -> list[Path]:
    """The image files directly inside a folder; or an error that says what is there instead."""
    files = [path for path in folder.iterdir() if path.is_file()]
    images = _only_images(files)
    if images:
        return images
    with_images = sorted(d.name for d in folder.iterdir() if d.is_dir() and _only_images(d.iterdir()))
    hint = f"; did you mean {folder / with_images[0]}?" if with_images else ""
    what = "no image" if files or with_images else "nothing"
    raise VistreamError(f"the folder {folder} holds {what} ({', '.join(sorted(IMAGE_SUFFIXES))}){hint}")


def _only_images(paths: Iterable[Path]) -> list[Path]:
    return [p for p in paths if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")]


def open_images(spec: str, paths: Iterable[Path], window: Window) -> Source:
    """A source over `paths` in natural order; files that are no images are left out."""
    images = sorted(_only_images(paths), key=natural_key)
    if not images:
        raise VistreamError(f"{spec} matches no image ({', '.join(sorted(IMAGE_SUFFIXES))})")
    if window.start >= len(images):
        raise VistreamError(f"start is {window.start}, but {spec} has only {len(images)} frames, counted from 0")
    fps = _declared_fps(images[0].parent)
    frames = _frames(images, window, fps or NOMINAL_FPS)
    names = tuple(image.name for image in images)
    return Source(spec, frames, fps=fps, frame_count=window.count(len(images)), steady=True, names=names)


def _frames(images: list[Path], window: Window, fps: float) -> Generator[SourceFrame, None, None]:
    for index in list(range(window.start, len(images), window.stride))[: window.max_frames]:
        yield SourceFrame(index, index / fps, read_image(images[index]), images[index].name)


def read_image(path: Path) -> Frame:
    """One image as RGB uint8 `[H, W, 3]`, turned the way its EXIF data says.

    Grey is spread over three channels, alpha dropped (not blended), 16 bits cut to the upper 8.
    """
    upright = load_picture(path)
    try:
        ImageOps.exif_transpose(upright, in_place=True)
    except Exception:  # damaged EXIF data say nothing of the pixels, so the image stays as it lies
        log.warning("%s has EXIF data that can't be read: it may lie on its side", path)
    if upright.mode == "F":
        raise VistreamError(f"{path} holds floating-point pixels: convert it to 8 or 16 bits")
    if upright.mode.startswith("I"):  # Pillow's own conversion would clip 16 bits instead of scaling them
        grey = (np.asarray(upright).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    return pixels_of(upright)


def _declared_fps(folder: Path) -> float | None:
    """`frameRate` of the `seqinfo.ini` that MOT challenge sequences keep beside their images, or None."""
    parser = configparser.ConfigParser()
    try:
        parser.read(folder.parent / "seqinfo.ini", encoding="utf-8")
        fps = parser.getfloat("Sequence", "frameRate")
    except (configparser.Error, ValueError):
        return None
    return fps if 0 < fps < float("inf") else None
