"""The one exception that ends a command with a single clear line and exit code 2, and others that deserve no more."""

from __future__ import annotations

import re

LACK_OF_MEMORY = re.compile(
    r"can't allocate memory|not enough memory|cannot allocate memory|failed to map segment|can't start new thread|"
    r"insufficient memory|bad_alloc",
    re.IGNORECASE,
)
"""As PyTorch, OpenCV, the loader of libraries, and Python say it."""


class VistreamError(Exception):
    """Something the user can put right: a bad file, option or source.

    The message names the file or option, says what was wrong with it and what to do.
    """


def told(error: BaseException) -> str | None:
    """The line that says all there is to say about `error`; None if it is a fault of the program.

    >>> told(VistreamError("a.mp4 is empty")), told(KeyError("a"))
    ('a.mp4 is empty', None)
    >>> told(MemoryError()) == told(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    True
    """
    if isinstance(error, VistreamError):
        return str(error)
    if isinstance(error, MemoryError) or (isinstance(error, Exception) and LACK_OF_MEMORY.search(str(error))):
        return "there is not enough memory: end other programs, take smaller frames, or fewer --jobs"
    return None
