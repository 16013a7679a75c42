"""Observations that were made beforehand and stand in a file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from vistream.errors import VistreamError
from vistream.media.formats.detections.footage import NOTHING_KNOWN, Footage, check_boxes
from vistream.media.formats.detections.read import read_any
from vistream.media.formats.masked import MaskedObservations
from vistream.types import Frame, Observations

log = logging.getLogger("vistream")


class FileDetector:
    """Hands out the detections of `path` frame by frame; frames that the file does not name have none.

    `read`: what turns the file into observations by frame, from 0; where nothing else is said, any form that `read_any`
    recognises. `footage`: the video, as far as it is known. Raises `VistreamError` when all detections lie outside its
    frames, in time or place; where only some do, that is logged.
    """

    name = "file"

    def __init__(
        self,
        path: Path | str,
        footage: Footage = NOTHING_KNOWN,
        read: Callable[[Path, Footage], Mapping[int, Observations]] = read_any,
    ) -> None:
        self.path = Path(path)
        self._frames = read(self.path, footage)
        if footage.frames is not None:
            self._compare_with(footage.frames)
        if isinstance(self._frames, dict):  # masks are not decoded all at once
            check_boxes(self._frames, footage, str(path))

    def _compare_with(self, frame_count: int) -> None:
        outside = [frame for frame in self._frames if frame >= frame_count]
        if not outside:
            return
        span = f"{self.path} holds detections for frames {min(self._frames) + 1} to {max(self._frames) + 1}"
        if len(outside) == len(self._frames):
            raise VistreamError(f"{span}, but the video has only {frame_count}: they don't belong together")
        log.warning("%s, but the video has only %d frames", span, frame_count)

    @property
    def masked(self) -> bool:
        """Whether every detection has a mask."""
        return isinstance(self._frames, MaskedObservations)

    @property
    def labels(self) -> set[str]:
        """The classes that occur; no mask is decoded."""
        if isinstance(self._frames, MaskedObservations):
            return set(self._frames.labels())
        return {label for seen in self._frames.values() for label in seen.labels}

    def describe(self) -> str:
        return f"detections from {self.path}, in {len(self._frames)} frames"

    def detect(self, frame: Frame, index: int) -> Observations:
        return self._frames[index] if index in self._frames else Observations.none()

    def reset(self) -> None:
        """Nothing is remembered: the file stands for one video."""
