"""Folders of this program on this machine: what may be fetched again, and what should be remembered."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path


def cache_folder() -> Path:
    """For weights: `$VISTREAM_HOME`, else `$XDG_CACHE_HOME/vistream`, else `~/.cache/vistream`. It need not exist."""
    if chosen := os.environ.get("VISTREAM_HOME"):
        return Path(chosen).expanduser()
    return _of_user("XDG_CACHE_HOME", ".cache")


def state_folder() -> Path | None:
    """For what is remembered between runs: `$XDG_STATE_HOME/vistream`, else `~/.local/state/vistream`; it exists.

    Where that can't be written (a service user, a read-only container) a folder of this user alone among the temporary
    files stands in; None where there is not even that.
    """
    for folder in (_of_user("XDG_STATE_HOME", ".local/state"), _temporary()):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            continue
        if os.access(folder, os.W_OK) and (folder != _temporary() or _is_own(folder)):
            return folder
    return None


def _of_user(variable: str, below_home: str) -> Path:
    if chosen := os.environ.get(variable):
        return Path(chosen).expanduser() / "vistream"
    try:
        return Path.home() / below_home / "vistream"
    except RuntimeError:  # a user without an entry and without HOME
        return _temporary()


def _temporary() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"vistream-{user}"


def _is_own(folder: Path) -> bool:
    """Whether a folder in a place that everybody can write to is this user's, and no link."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and (not hasattr(os, "getuid") or found.st_uid == os.getuid())
