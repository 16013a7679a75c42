"""What fuzzing needs to know of a reader."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

Read = Callable[[Path], object]


@dataclass(frozen=True, slots=True)
class Reader:
    """`seeds` writes valid files into an empty folder, the same bytes each time; `read` uses all of a file."""

    seeds: Callable[[Path], Iterable[Path]]
    read: Read
