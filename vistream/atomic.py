"""Write under a temporary name in the same folder, then rename: a reader never meets half a file.

It does not open the file: the caller writes `temporary` with whatever it likes (text, OpenCV, PyAV).
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from vistream.errors import VistreamError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What a disk says that has no room, or is broken: in most cases without a name."""
PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Seconds between attempts to replace a file that another program has open."""


def is_wanted(exception: type[BaseException] | None) -> bool:
    """Whether what was done so far is wanted after a block that ended so: well, or by Ctrl-C."""
    return exception is None or issubclass(exception, KeyboardInterrupt)


def followed(path: Path) -> Path:
    """What a symbolic link in the place of `path` leads to, there or not; `path` itself where it is no link."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


class PendingFile:
    """A file on its way to `path`: written as `temporary`, which is `name.part.suffix` beside it.

    A symbolic link stays one: what it leads to is replaced.

    The temporary name is fixed, so a killed run leaves at most one such file and the next run replaces it.
    Raises `VistreamError` at once when the folder is missing or can't be written to.

    As a context manager it commits when the block ends well and on Ctrl-C (what was written so far is
    wanted then), and discards on every other exception. That a disk is full becomes a `VistreamError`, which names
    the file.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.temporary = self.temporary_name(self.path)
        if self.path.is_dir():
            raise VistreamError(f"{self.path} is a folder: give a file name to write to")
        if self.path.exists() and not self.path.is_file():  # a file in its place would take it from the whole system
            raise VistreamError(f"{self.path} is a device or a pipe: give a file name to write to")
        if not self.temporary.parent.is_dir():
            raise VistreamError(f"{self.path}: the folder {self.temporary.parent} does not exist: create it first")
        try:
            self.temporary.write_bytes(b"")
        except OSError as error:
            raise VistreamError(f"{self.path} can't be written: {error.strerror}") from None

    @staticmethod
    def temporary_name(path: Path) -> Path:
        """
        >>> PendingFile.temporary_name(Path("out/a.mp4")).name
        'a.part.mp4'
        """
        path = followed(path)
        return path.with_name(f"{path.stem}.part{path.suffix}")

    def check(self) -> None:
        """Raise VistreamError if the file has gone, with its folder perhaps, since it was begun."""
        if not self.temporary.exists():
            raise VistreamError(f"{self.path}: {self.temporary.name} was removed while it was being written")

    def commit(self) -> None:
        """Give the file its final name, replacing what was there.

        Raises VistreamError where that is not allowed; on Windows, where a file that is open can't be replaced, only
        after a while: a scanner for viruses lets go of it soon. What was written then stays under the temporary name.
        """
        self.check()
        for pause in (*(PAUSES if os.name == "nt" else ()), None):
            try:
                self.temporary.replace(followed(self.path))
                return
            except PermissionError:
                if pause is None:
                    raise VistreamError(
                        f"{self.path} can't be replaced: close it where it is open; "
                        f"what was written is in {self.temporary}"
                    ) from None
                time.sleep(pause)
            except OSError as error:
                raise VistreamError(f"{self.path} can't be written: {error.strerror}") from None

    def discard(self) -> None:
        """Remove the temporary file; what `path` held before stays."""
        self.temporary.unlink(missing_ok=True)

    def settle(self, exception: type[BaseException] | None) -> None:
        """Commit or discard, by how the block that wrote the file ended."""
        if is_wanted(exception):
            self.commit()
        else:
            self.discard()

    def finish(self, exception: type[BaseException] | None, content: Callable[[], bytes]) -> None:
        """Write the whole file and commit, or discard, by how the block ended in which its content was gathered."""
        if not is_wanted(exception):
            self.discard()
            return
        with self:
            self.temporary.write_bytes(content())

    def __enter__(self) -> PendingFile:
        return self

    def __exit__(
        self, exception: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.settle(exception)
        if isinstance(value, OSError) and value.errno in FULL and value.filename in (None, str(self.temporary)):
            raise VistreamError(f"{self.path} can't be written: {value.strerror}") from None


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """The temporary path to write; renamed to `path` when the block ends well.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with replacing(target) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> target.read_text(), [file.name for file in target.parent.iterdir()]
    ('whole', ['a.txt'])
    """
    with PendingFile(path) as pending:
        yield pending.temporary
