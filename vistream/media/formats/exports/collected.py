"""What writers of files share that are sorted by track, not by frame: they gather tracks and write when closed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, TypeVar

from vistream.atomic import PendingFile
from vistream.media.formats.writer import kept
from vistream.types import Box, Result

Writer = TypeVar("Writer", bound="CollectedWriter")


@dataclass(frozen=True, slots=True)
class Film:
    """What the forms say of the video: its `name`, `size` (width, height) in pixels, `fps` frames a second.

    `names`: the files' names in order, where the frames are images.
    """

    name: str
    size: tuple[int, int]
    fps: float
    names: tuple[str, ...] = ()


class Place(NamedTuple):
    """Where an object is in a frame, with what score; `covered`: behind the detection of another, see `Track`."""

    frame: int
    box: Box
    score: float
    covered: bool


@dataclass(slots=True)
class Gathered:
    """One object: its class, the last that it had, as most of its detections say it; and its places by frame."""

    label: str
    places: list[Place] = field(default_factory=list)


class CollectedWriter(ABC):
    """Gathers tracks, a box and frame at a time, and writes them when closed; a subclass says how the file reads.

    As a context manager it keeps what was gathered on Ctrl-C, and leaves nothing after any other exception.
    """

    def __init__(self, path: Path | str, film: Film) -> None:
        self._pending = PendingFile(path)
        self.film = film
        self.tracks: dict[int, Gathered] = {}
        self.frames: list[int] = []

    @abstractmethod
    def document(self) -> str:
        """The whole file."""

    def write(self, result: Result) -> None:
        """Take in one frame, without what was only predicted."""
        self.frames.append(result.frame)
        for track in kept(result):
            gathered = self.tracks.setdefault(track.id, Gathered(track.label))
            gathered.label = track.label
            gathered.places.append(Place(result.frame, track.box, track.score, track.covered))

    def check(self) -> None:
        """Raise VistreamError if the file has gone since it was begun."""
        self._pending.check()

    def close(self) -> None:
        """Write the file and give it its name."""
        self._finish(None)

    def _finish(self, exception: type[BaseException] | None) -> None:
        self._pending.finish(exception, lambda: self.document().encode())

    def __enter__(self: Writer) -> Writer:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish(exception)
