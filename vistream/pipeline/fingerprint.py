"""What tells a file that a run reads from another of its name, without reading all of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from vistream.storage.names import FileName

BEGINNING = 1 << 20  # bytes


def fingerprints(names: Sequence[FileName]) -> dict[str, str]:
    """Of what each option names, the size and the beginning, as SHA-256; of a folder's files, or of several, their
    names and sizes. Files that can't be read have none: whoever opens them says so."""
    files: dict[str, list[Path]] = {}
    for name in names:
        files.setdefault(name.what, []).append(name.path)
    found = {}
    for what, paths in files.items():
        try:
            found[what] = _of_one(paths[0]) if len(paths) == 1 and paths[0].is_file() else _of_many(paths)
        except OSError:
            continue
    return found


def _of_one(path: Path) -> str:
    with path.open("rb") as file:
        return f"{path.stat().st_size} {hashlib.sha256(file.read(BEGINNING)).hexdigest()}"


def _of_many(paths: Iterable[Path]) -> str:
    listed = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    sizes = "\n".join(f"{file.name} {file.stat().st_size}" for file in listed if file.is_file())
    return hashlib.sha256(sizes.encode("utf-8", "surrogateescape")).hexdigest()
