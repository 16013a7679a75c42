"""A lock beside a file, held by one run at a time. The system lets go of it when its holder dies, however it dies."""

from __future__ import annotations

import errno
import logging
import os
import re
import socket
import sys
from pathlib import Path

from vistream.atomic import followed
from vistream.errors import VistreamError

log = logging.getLogger("vistream")

NOT_SUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)

if sys.platform == "win32":
    import msvcrt

    FAR = 1 << 30  # the locked byte, behind the text, which others may read so

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class OutputHeld(VistreamError):
    """Another run writes the same file."""


class OutputLock:
    """The lock of `path`, taken at once: the file `.NAME.lock` beside it, removed by `release`.

    `purpose`: what the holder does, told to whoever comes second. Raises OutputHeld where another run holds it.
    """

    def __init__(self, path: Path, purpose: str) -> None:
        self.path = path
        self._file = lock_name(path)
        self._descriptor: int | None = None
        while self._descriptor is None:
            self._descriptor = self._taken()
        text = f"process {os.getpid()} on {socket.gethostname()}, {purpose}"
        os.truncate(self._descriptor, 0)
        os.write(self._descriptor, text.encode("utf-8", "replace")[:1000])

    def _taken(self) -> int | None:
        """The descriptor that holds the lock; None if the file was removed by its holder meanwhile."""
        try:
            descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise VistreamError(f"{self.path} can't be written: {error.strerror}") from None
        try:
            _lock(descriptor)
        except OSError as error:
            if error.errno not in NOT_SUPPORTED:
                holder = os.read(descriptor, 1000).decode("utf-8", "replace") or "another process"
                os.close(descriptor)
                raise OutputHeld(
                    f"{self.path} is being written by another run ({holder}): wait for its end, or give another name"
                ) from None
            log.warning("%s: nothing can be locked there, so see to it that no other run writes it", self.path)
        try:
            if os.path.samestat(os.fstat(descriptor), self._file.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)
        return None

    def release(self) -> None:
        """Let go, and remove the lock's file."""
        if self._descriptor is None:
            return
        if sys.platform != "win32":  # where an open file can be removed: nobody then locks what is about to go
            self._file.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None
        if sys.platform == "win32":
            try:
                self._file.unlink(missing_ok=True)
            except OSError:  # another run holds it by now
                return


def lock_name(path: Path) -> Path:
    """
    >>> lock_name(Path("out/a.mp4")).name, lock_name(Path("out/a.part.mp4")).name
    ('.a.mp4.lock', '.a.mp4.lock')
    """
    path = followed(path)
    stem = re.sub(r"(\.(part|before|whole))+$", "", path.stem)  # names on the way to this one
    return path.with_name(f".{stem}{path.suffix}.lock")
