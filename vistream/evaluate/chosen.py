"""Which of the sequences that there are were asked for, by name or glob."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path

from vistream.errors import VistreamError


def chosen(names: Iterable[str], wanted: Sequence[str], root: Path, task: str) -> list[str]:
    """Those of the `names`, in order, that fit one of the `wanted` globs; all where none is given.

    `root`: where they lie, and `task`: for which they have ground truth. Raises VistreamError for a glob without fit.

    >>> chosen(["b", "a1", "a2"], ("a*",), Path("MOT17"), "mot")
    ['a1', 'a2']
    """
    there = sorted(names)
    unknown = [pattern for pattern in wanted if not any(fnmatch(name, pattern) for name in there)]
    if unknown:
        raise VistreamError(f"{root} has no sequence {unknown[0]!r} for {task}: it has {', '.join(there)}")
    return [name for name in there if not wanted or any(fnmatch(name, pattern) for pattern in wanted)]
