"""What the writers of text results share: one frame at a time, flushed, complete under a temporary name first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from vistream.atomic import PendingFile
from vistream.errors import VistreamError
from vistream.types import Result, Track

Writer = TypeVar("Writer", bound="ResultWriter")


def kept(result: Result) -> list[Track]:
    """The tracks of a frame that files of results hold: those that were only predicted are left out.

    What is covered by the detection of another object is held, and so is what was filled in between two sightings,
    which has a score of 0.
    """
    return [track for track in result.tracks if track.seen or track.covered or track.score == 0]


class ResultWriter(ABC):
    """Text made of one `Result` after another; a subclass says how one frame reads.

    Until `close` the rows are in `name.part.suffix`, flushed after every frame, and valid at any moment: what ends the
    file (`footer`) is there after every frame, and overwritten by the next. As a context manager it keeps what was
    written on Ctrl-C, and leaves nothing after any other exception.
    """

    header = ""
    footer = ""

    def __init__(self, path: Path | str) -> None:
        self._pending = PendingFile(path)
        self._file = self._pending.temporary.open("wb")
        self._end = 0
        self._put(self.header)

    @abstractmethod
    def text(self, result: Result) -> str:
        """The lines of one frame, each ended by a newline."""

    def write(self, result: Result) -> None:
        """Append one frame."""
        self._put(self.text(result))

    def _put(self, text: str) -> None:
        try:
            self._file.seek(self._end)
            self._end += self._file.write(text.encode())
            self._file.write(self.footer.encode())
            self._file.flush()
        except OSError as error:
            raise VistreamError(f"{self._pending.path} can't be written: {error.strerror}") from None

    def check(self) -> None:
        """Raise VistreamError if the file has gone since it was begun."""
        self._pending.check()

    def close(self) -> None:
        """Give the file its name."""
        self._finish(None)

    def _finish(self, exception: type[BaseException] | None) -> None:
        try:
            self._file.close()
        except OSError as error:  # the last rows found no room
            if exception is None:
                self._pending.discard()
                raise VistreamError(f"{self._pending.path} can't be written: {error.strerror}") from None
        self._pending.settle(exception)

    def __enter__(self: Writer) -> Writer:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._finish(exception)
