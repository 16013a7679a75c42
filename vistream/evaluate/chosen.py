"""The sequences that there are by name, and which of them were asked for, by name or glob."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Protocol, TypeVar

from vistream.errors import VistreamError


class Placed(Protocol):
    """A sequence: its `name`, and the `place` of its frames."""

    @property
    def name(self) -> str: ...

    @property
    def place(self) -> str: ...


P = TypeVar("P", bound=Placed)


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


def placed(sequences: Iterable[P], wanted: Sequence[str], root: Path, task: str) -> list[P]:
    """The same of the sequences themselves, by name; what several layouts fit is taken as the first has it.

    Raises VistreamError, too, where two in different places have one name, under which only one could be scored.
    """
    found: dict[str, list[P]] = {}
    for one in sequences:
        alike = found.setdefault(one.name, [])
        if one.place not in (other.place for other in alike):
            alike.append(one)
    names = chosen(found, wanted, root, task)
    for name in names:
        if len(found[name]) > 1:
            first, second = (one.place for one in found[name][:2])
            raise VistreamError(f"two sequences are called {name}: {first} and {second}; give --data the folder of one")
    return [found[name][0] for name in names]
