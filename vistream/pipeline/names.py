"""The files that a run reads: its source, its model, and what its options name."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from vistream.errors import VistreamError
from vistream.media.video.images import images_in
from vistream.pipeline.settings import Settings
from vistream.storage.names import FileName


def read_names(source: str, settings: Settings) -> list[FileName]:
    """All that are there; an address or a camera is no file."""
    found = source_names(source)
    for field in fields(settings):
        value = getattr(settings, field.name)
        option = f"--{field.name.replace('_', '-')}"
        if isinstance(value, Path):
            found.append(FileName(option, value))
        elif field.name in ("model", "detector") and isinstance(value, str):
            path = Path(value.removeprefix("onnx:").removeprefix("spike2former:").partition(",layout=")[0])
            found += [FileName(option, path)] if path.is_file() else []
    return found


def source_names(source: str) -> list[FileName]:
    """The files of a source, a folder's or a pattern's images one by one."""
    return [FileName("the source", path) for path in _source_files(source)]


def _source_files(source: str) -> Iterator[Path]:
    if "://" in source:
        return
    path = Path(source)
    if path.is_file():
        yield path
    elif path.is_dir():
        try:
            yield from images_in(path)
        except VistreamError:  # said again, and better, when it is opened
            return
    elif glob.has_magic(source):
        yield from map(Path, glob.glob(source, recursive=True))  # noqa: PTH207 (Path.glob takes no absolute pattern)
