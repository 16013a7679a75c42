"""A result appears whole or not at all, also where another program has the old one open, as Windows forbids."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from vistream import atomic
from vistream.errors import VistreamError


class HeldOpen:
    """What a temporary file is where its destination is open for so many more attempts to replace it."""

    def __init__(self, path: Path, attempts: int) -> None:
        self.path, self.attempts = path, attempts

    def exists(self) -> bool:
        return self.path.exists()

    def replace(self, target: Path) -> None:
        if self.attempts:
            self.attempts -= 1
            raise PermissionError(13, "Access is denied", str(target))
        self.path.replace(target)

    def __str__(self) -> str:
        return str(self.path)


@pytest.mark.parametrize("attempts", [0, 2, 100])
def test_a_destination_that_is_open_on_windows(attempts: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic, "os", SimpleNamespace(name="nt"))
    monkeypatch.setattr(atomic, "PAUSES", (0.0, 0.0, 0.0))
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")
    pending = atomic.PendingFile(path)
    pending.temporary.write_text("new", encoding="utf-8")
    monkeypatch.setattr(pending, "temporary", HeldOpen(pending.temporary, attempts))
    if attempts <= len(atomic.PAUSES):
        pending.commit()
        assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
        assert path.read_text(encoding="utf-8") == "new"
    else:
        with pytest.raises(VistreamError, match=r"a\.txt can't be replaced: close it .* written is in .*a\.part\.txt"):
            pending.commit()
        assert path.read_text(encoding="utf-8") == "old"
        assert (tmp_path / "a.part.txt").read_text(encoding="utf-8") == "new"


def test_after_a_failure_the_old_one_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(RuntimeError), atomic.replacing(path) as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise RuntimeError
    assert [(file.name, file.read_text(encoding="utf-8")) for file in tmp_path.iterdir()] == [("a.txt", "old")]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_a_device_or_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    for path in (pipe, Path(os.devnull)):
        with pytest.raises(VistreamError, match="is a device or a pipe: give a file name"):
            atomic.PendingFile(path)
    assert pipe.is_fifo()
    assert [file.name for file in tmp_path.iterdir()] == ["pipe.csv"]


def test_a_full_disk_is_named_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(VistreamError, match=r"a\.txt can't be written: No space left"), atomic.replacing(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())
    with pytest.raises(OSError, match="elsewhere"), atomic.replacing(path):
        raise OSError(errno.ENOSPC, "No space left on device", "elsewhere")


@pytest.mark.skipif(os.name == "nt", reason="links need a permission there")
@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_one(there: bool, tmp_path: Path) -> None:
    """As with a shell's redirection: the file that it leads to is written, where it lies."""
    (tmp_path / "large disk").mkdir()
    target = tmp_path / "large disk" / "a.txt"
    if there:
        target.write_text("old", encoding="utf-8")
    link = tmp_path / "a.txt"
    link.symlink_to(Path("large disk") / "a.txt")
    with atomic.replacing(link) as temporary:
        assert temporary.parent.samefile(target.parent)
        temporary.write_text("new", encoding="utf-8")
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "new"
    assert [file.name for file in target.parent.iterdir()] == ["a.txt"]


@pytest.mark.skipif(os.name == "nt", reason="links need a permission there")
def test_a_link_into_a_missing_folder_names_it(tmp_path: Path) -> None:
    link = tmp_path / "a.txt"
    link.symlink_to(tmp_path / "gone" / "a.txt")
    with pytest.raises(VistreamError, match=r"the folder .*gone does not exist"):
        atomic.PendingFile(link)
