"""The outputs that have a file for each frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vistream.media.formats.class_maps import ClassMapWriter
from vistream.media.formats.davis import DavisWriter
from vistream.media.formats.exports.yolo_folder import YoloFolderWriter

if TYPE_CHECKING:
    from vistream.pipeline.outputs import OutputPaths


def map_writers(paths: OutputPaths, size: tuple[int, int]) -> Iterator[DavisWriter | ClassMapWriter | YoloFolderWriter]:
    """Those that write a file for each frame, named as it is."""
    if paths.yolo is not None:
        yield YoloFolderWriter(paths.yolo, size)
    if paths.davis is not None:
        yield DavisWriter(paths.davis, size[::-1])
    if paths.labels is not None:
        yield ClassMapWriter(paths.labels)
    if paths.index is not None:
        yield ClassMapWriter(paths.index, grey=True)
