"""Nothing of the user's is replaced, and no two runs write the same file."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from vistream.errors import VistreamError
from vistream.storage import record
from vistream.storage.claim import Claim, claimed
from vistream.storage.names import FileName, check_distinct, written


def write(path: Path, text: str, *, overwrite: bool = False) -> None:
    with claimed(written("--csv", path), "testing", overwrite=overwrite):
        path.write_text(text, encoding="utf-8")


def test_what_is_not_ours_is_replaced_with_permission_only(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("the user's own", encoding="utf-8")
    with pytest.raises(VistreamError, match=r"out\.csv \(--csv\) is there already.*--overwrite"):
        write(path, "ours")
    assert path.read_text(encoding="utf-8") == "the user's own"
    write(path, "ours", overwrite=True)
    write(path, "ours again")
    assert path.read_text(encoding="utf-8") == "ours again"


def test_a_result_that_was_changed_by_hand_is_the_users_own(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    write(path, "ours")
    path.write_text("corrected by hand", encoding="utf-8")
    with pytest.raises(VistreamError, match="is there already"):
        write(path, "ours again")


def test_a_temporary_name_is_not_taken_from_the_user(tmp_path: Path) -> None:
    (tmp_path / "out.part.csv").write_text("the user's own", encoding="utf-8")
    with pytest.raises(VistreamError, match=r"out\.part\.csv \(the unfinished file of --csv\) is there already"):
        write(tmp_path / "out.csv", "ours")


def test_what_a_failed_run_left_alone_stays_the_users(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("the user's own", encoding="utf-8")
    with suppress(RuntimeError), claimed(written("--csv", path), "testing", overwrite=True):
        raise RuntimeError
    with pytest.raises(VistreamError, match="is there already"):
        write(path, "ours")


def test_what_a_killed_run_left_may_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    code = (
        "import os, sys; from pathlib import Path; from vistream.storage.claim import claimed\n"
        "from vistream.storage.names import written\n"
        "path = Path(sys.argv[1])\n"
        "with claimed(written('--csv', path), 'testing', overwrite=False):\n"
        "    path.write_text('half', encoding='utf-8'); os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert path.read_text(encoding="utf-8") == "half"
    write(path, "ours")


def test_label_maps_of_the_user_are_not_mixed_with_ours(tmp_path: Path) -> None:
    folder = tmp_path / "masks"
    names = [FileName("--davis-dir", folder, written=True, folder=True)]
    folder.mkdir()
    with claimed(names, "testing", overwrite=False):
        (folder / "00000.png").write_bytes(b"ours")
    with claimed(names, "testing", overwrite=False):
        (folder / "00001.png").write_bytes(b"ours")
    (folder / "00000.png").write_bytes(b"corrected by hand")
    with (
        pytest.raises(VistreamError, match=r"masks \(--davis-dir\) is there already"),
        claimed(names, "", overwrite=False),
    ):
        pass


def test_two_runs_on_one_file(tmp_path: Path) -> None:
    path = tmp_path / "out" / "a.mp4"
    with Claim(written("--output", path), "tracking a.avi"):
        told = rf"a\.mp4 is being written by another run \(process {os.getpid()} on .*, tracking a\.avi\): wait"
        with pytest.raises(VistreamError, match=told), Claim(written("--csv", path), "tracking b.avi"):
            pass
        with (
            pytest.raises(VistreamError, match="is being written"),
            Claim(written("-o", path.with_name("a.part.mp4")), ""),
        ):
            pass
        with Claim(written("--csv", path.with_suffix(".csv")), "tracking b.avi"):
            pass
    assert list(tmp_path.iterdir()) == []
    with Claim(written("--output", path), "tracking a.avi"):
        pass


def test_folders_are_made_and_go_again_if_nothing_came_of_them(tmp_path: Path) -> None:
    write(tmp_path / "a" / "b" / "out.csv", "ours")
    assert (tmp_path / "a" / "b" / "out.csv").is_file()
    with suppress(RuntimeError), claimed(written("--csv", tmp_path / "c" / "d" / "x"), "", overwrite=False):
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    (tmp_path / "file").touch()
    with pytest.raises(VistreamError, match=r"can't be made|is no folder"):
        write(tmp_path / "file" / "out.csv", "")


@pytest.mark.skipif(os.name == "nt", reason="links need a permission there")
def test_what_a_link_leads_to_is_the_users_own(tmp_path: Path) -> None:
    target, link = tmp_path / "own.csv", tmp_path / "out.csv"
    link.symlink_to(target)
    with claimed(written("--csv", link), "testing", overwrite=False):
        link.write_text("ours", encoding="utf-8")
        with pytest.raises(VistreamError, match=r"own\.csv.*testing"), Claim(written("--output", target), "other"):
            pass
    write(target, "ours again")
    target.write_text("corrected by hand", encoding="utf-8")
    with pytest.raises(VistreamError, match="is there already"):
        write(link, "ours")


def same(tmp_path: Path) -> dict[str, Path]:
    """Other names of the file `clip.mp4`."""
    (tmp_path / "clip.mp4").write_bytes(b"film")
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.mp4").symlink_to("clip.mp4")
    (tmp_path / "hard.mp4").hardlink_to(tmp_path / "clip.mp4")
    (tmp_path / "way").symlink_to(tmp_path)
    names = ("clip.mp4", "sub/../clip.mp4", "link.mp4", "hard.mp4", "way/clip.mp4", "./clip.mp4")
    return {name: tmp_path / name for name in names}


@pytest.mark.skipif(os.name == "nt", reason="links need a permission there")
def test_names_of_one_file_are_recognised(tmp_path: Path) -> None:
    source = FileName("the source", tmp_path / "clip.mp4")
    for name, path in same(tmp_path).items():
        with pytest.raises(VistreamError, match="the source and --output are the same file"):
            check_distinct([source, *written("--output", path)])
        with pytest.raises(VistreamError, match="--csv and --output are the same file"):
            check_distinct([*written("--csv", tmp_path / "new" / name), *written("--output", tmp_path / "new" / name)])
    check_distinct([source, FileName("--detections", tmp_path / "clip.mp4")])  # two may read it


def test_a_folder_that_is_filled_is_no_place_for_anything_else(tmp_path: Path) -> None:
    masks = FileName("--davis-dir", tmp_path, written=True, folder=True)
    with pytest.raises(VistreamError, match=re.escape("the source lies in --davis-dir")):
        check_distinct([masks, FileName("the source", tmp_path / "0.png")])


def test_the_record_is_bounded_and_bears_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(record, "LARGEST", 2000)
    file = tmp_path / "state" / "vistream" / record.FILE
    for number in range(100):
        record.remember({tmp_path / str(number): "print"})
    assert file.stat().st_size <= 2100
    file.write_bytes(file.read_bytes() + b'["half a li\n{}\n[1]\n[1, 2]\n\xff\xfe\n')
    assert record.remembered([tmp_path / "99", tmp_path / "0"]) == {tmp_path / "99": "print", tmp_path / "0": ""}


@pytest.mark.skipif(os.name == "nt", reason="there HOME decides nothing")
def test_without_a_home_the_record_is_among_the_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file" / "state"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    write(tmp_path / "out.csv", "ours")
    write(tmp_path / "out.csv", "again")
    stranger = tmp_path / f"vistream-{os.getuid()}"
    assert stranger.is_dir()
    user = os.getuid()
    monkeypatch.setattr("os.getuid", lambda: user + 1)
    stranger.rename(tmp_path / f"vistream-{os.getuid()}")  # another user made the folder with our name
    with pytest.raises(VistreamError, match="is there already"):
        write(tmp_path / "out.csv", "once more")
