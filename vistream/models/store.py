"""Where weights lie on this machine, and whether a copy is the published one. Nothing here uses the network.

Looked at in this order, so that a file put down by hand always counts:

1. vistream's own folder: `$VISTREAM_HOME/NAME/`, else `$XDG_CACHE_HOME/vistream/NAME/`, else
   `~/.cache/vistream/NAME/` (the rule that Hugging Face follows, too). What comes from npm is kept here.
2. Hugging Face's own cache, for what comes from there; the installed package, for what comes from PyPI.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from vistream.errors import VistreamError
from vistream.models.registry import HuggingFace, PyPI, Weights, WeightsFile, known
from vistream.storage.place import cache_folder


def by_hand(weights: Weights, file: WeightsFile) -> Path:
    """Where a user may put this file down by hand."""
    return cache_folder() / weights.name / file.name


def located(weights: str | Weights) -> Path | None:
    """The file to open if every file of these weights is here in its right size, else None.

    Sizes only: `damage` looks at the content.
    """
    paths = copies(known(weights) if isinstance(weights, str) else weights)
    return paths[0] if paths else None


def copies(weights: Weights) -> tuple[Path, ...]:
    """Where each file of `weights.files` lies, in that order; empty unless all are here in the right size."""
    paths = tuple(path for file in weights.files if (path := _located(weights, file)) is not None)
    return paths if len(paths) == len(weights.files) else ()


def damaged(weights: Weights) -> Path | None:
    """A file of these weights that is here, but is not the published one; None where there is none."""
    places = ((path, file) for file in weights.files for path in _places(weights, file) if path.is_file())
    return next((path for path, file in places if damage(path, file) is not None), None)


def _located(weights: Weights, file: WeightsFile) -> Path | None:
    for path in _places(weights, file):
        if path.is_file() and file.size in (None, path.stat().st_size):
            return path
    return None


def _places(weights: Weights, file: WeightsFile) -> Iterator[Path]:
    yield by_hand(weights, file)
    found: Path | None = None
    if isinstance(weights.source, HuggingFace):
        found = _in_hugging_face_cache(weights.source.repo, file.name)
    elif isinstance(weights.source, PyPI):
        found = _in_package(weights.source.package, file.name)
    if found is not None:
        yield found


def _in_hugging_face_cache(repo: str, name: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(repo, name)
    return Path(path) if isinstance(path, str) else None


def _in_package(package: str, name: str) -> Path | None:
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in files if file.name == name), None)


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, lower-case hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def damage(path: Path, file: WeightsFile) -> str | None:
    """What is wrong with this copy of `file`, in words, or None where it is the published one."""
    if file.size is not None and path.stat().st_size != file.size:
        return f"{path.stat().st_size:,} bytes where {file.size:,} were expected"
    if file.sha256 is not None and (found := sha256(path)) != file.sha256:
        return f"SHA-256 {found[:12]}... where {file.sha256[:12]}... was expected"
    return None


def discard(path: Path) -> None:
    """Remove a file, and where it is a link, as in Hugging Face's cache, all that it leads to."""
    while path.is_symlink():
        target = path.parent / path.readlink()
        path.unlink()
        path = target
    path.unlink(missing_ok=True)


def check_room(folder: Path, size: int) -> None:
    """Raise a VistreamError if less than `size` bytes are free where `folder` is, or will be."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < size:
        raise VistreamError(f"{size / 1e6:,.0f} MB are needed in {folder}, {free / 1e6:,.0f} MB are free")
