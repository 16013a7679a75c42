"""The one exception that ends a command with a single clear line and exit code 2, and others that deserve no more."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator

LACK_OF_MEMORY = re.compile(
    r"can't allocate memory|not enough memory|cannot allocate memory|failed to map segment|can't start new thread|"
    r"can't allocate lock|insufficient memory|out of memory|bad_alloc",
    re.IGNORECASE,
)
"""As PyTorch, OpenCV, FreeType, the loader of libraries, and Python say it."""
NO_MEMORY = "there is not enough memory: end other programs, take smaller frames, or fewer --jobs"
LONGEST = 100
"""Letters of a name that are shown where the name itself is what is wrong."""
LEAST = 512 * 2**20
"""Bytes. A library that fails while less than this can be had most likely failed for want of it."""


class VistreamError(Exception):
    """Something the user can put right: a bad file, option or source.

    The message names the file or option, says what was wrong with it and what to do. It is one line, whatever it shows.

    >>> str(VistreamError("fps is (1,\\n 2): a number is expected"))
    'fps is (1, 2): a number is expected'
    """

    def __str__(self) -> str:
        return " ".join(line.strip() for line in super().__str__().splitlines())


def told(error: BaseException) -> str | None:
    """The line that says all there is to say about `error`; None if it is a fault of the program.

    >>> told(VistreamError("a.mp4 is empty")), told(KeyError("a"))
    ('a.mp4 is empty', None)
    >>> told(PermissionError(13, "Permission denied", "/root/a.mp4"))
    "/root/a.mp4 can't be used: Permission denied"
    >>> told(MemoryError()) == told(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    True
    >>> told(MemoryError()) == told(OSError("out of memory"))
    True
    """
    if any(_of_a_library(one) for one in _chain(error)) and memory_is_short():
        return NO_MEMORY
    if isinstance(error, VistreamError):
        return str(error)
    if isinstance(error, MemoryError) or (isinstance(error, Exception) and LACK_OF_MEMORY.search(str(error))):
        return NO_MEMORY
    if isinstance(error, OSError) and isinstance(error.filename, str):  # a name too long, a folder closed to us
        name = error.filename if len(error.filename) <= LONGEST else f"{error.filename[:LONGEST]}..."
        return f"{name} can't be used: {error.strerror}"
    return None


def memory_is_short() -> bool:
    """Whether this process can't have `LEAST` bytes more. Libraries that get none call it by many other names."""
    try:
        mmap.mmap(-1, LEAST).close()
    except (OSError, MemoryError):
        return True
    return False


def _of_a_library(error: BaseException) -> bool:
    """Whether a library may have failed by it, rather than a file or an option: the system gives its errors numbers."""
    if isinstance(error, OSError):
        return error.errno is None
    return isinstance(error, Exception) and not isinstance(error, VistreamError | LookupError | ValueError)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and all that led to it, also what the message leaves out."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
