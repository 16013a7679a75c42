"""The names that a run reads and writes, compared before anything is opened."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vistream.atomic import PendingFile
from vistream.errors import VistreamError

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class FileName:
    """A file that a run reads or writes. `what`: as the user knows it, "--csv" or "the source".

    `folder`: a written one that stands for all it will hold.
    """

    what: str
    path: Path
    written: bool = False
    folder: bool = False


def written(what: str, path: Path) -> list[FileName]:
    """What writing `path` by way of `PendingFile` takes: the file, and its temporary name."""
    part = PendingFile.temporary_name(path)
    return [FileName(what, path, written=True), FileName(f"the unfinished file of {what}", part, written=True)]


def identity(path: Path) -> Path:
    """The name of a file to be replaced, which may not be there, without the links that lead to it."""
    return Path(os.path.realpath(path))


def check_distinct(names: Sequence[FileName]) -> None:
    """Raise VistreamError where a file that is written is named twice, or is read too, by whatever path or link.

    What stands in a folder that a run fills is written by it.
    """
    owners: dict[Key, FileName] = {}
    for name in sorted(names, key=lambda name: name.written):  # those that are read may be read twice
        other = owners.setdefault(_key(name.path), name)
        if other is not name and name.written:
            raise VistreamError(f"{name.path}: {other.what} and {name.what} are the same file: give another name")
    for folder in (name for name in names if name.folder):
        for name in names:
            if name is not folder and _is_in(name.path, folder.path):
                raise VistreamError(f"{name.path}: {name.what} lies in {folder.what}: name another place")


def _key(path: Path) -> Key:
    """What two paths share if they are the same file: that file, if it is there, else the path without links.

    It is there too where a folder on the way is to be made first: `missing/../video.mp4`.
    """
    try:
        found = path.resolve().stat()
    except (OSError, RuntimeError):
        return (_resolved(path),)
    return (found.st_dev, found.st_ino) if found.st_ino else (_resolved(path),)  # 0: a system that numbers no files


def _resolved(path: Path) -> str:
    try:
        whole = os.path.normcase(path.resolve())
    except (OSError, RuntimeError) as error:  # links in a circle
        raise VistreamError(f"{path} leads nowhere: {error}") from None
    return whole.casefold() if sys.platform == "darwin" else whole


def _is_in(path: Path, folder: Path) -> bool:
    return _key(folder) == _key(path.absolute().parent)
