"""How many processors a process may use: a container's limit counts, not only what is in sight."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vistream import machine
from vistream.machine import cores, cpu_quota
from vistream.threads import keep_threads_calm


def group(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(text + "\n", encoding="utf-8")
    return folder


def said(tmp_path: Path, text: str) -> Path:
    own = tmp_path / "own"
    own.write_text(text, encoding="utf-8")
    return own


def test_the_tightest_of_the_groups_above_counts(tmp_path: Path) -> None:
    group(tmp_path / "groups" / "pod", cpu_max="150000 100000")
    group(tmp_path / "groups" / "pod" / "one", cpu_max="max 100000")
    assert cpu_quota(tmp_path / "groups", said(tmp_path, "0::/pod/one\n")) == 1.5


def test_in_a_container_the_root_is_all_there_is(tmp_path: Path) -> None:
    group(tmp_path / "groups", cpu_max="200000 100000")
    assert cpu_quota(tmp_path / "groups", said(tmp_path, "0::/system.slice/docker-12ab.scope\n")) == 2.0


def test_the_first_version_of_control_groups(tmp_path: Path) -> None:
    group(tmp_path / "groups" / "cpu,cpuacct" / "docker", cpu_cfs_quota_us="50000", cpu_cfs_period_us="100000")
    group(tmp_path / "groups" / "memory" / "docker", cpu_max="1 100000")  # of no meaning there
    lines = "5:memory:/docker\n3:cpu,cpuacct:/docker\n0::/\n"
    assert cpu_quota(tmp_path / "groups", said(tmp_path, lines)) == 0.5


@pytest.mark.parametrize("text", ["max 100000", "", "no number", "100000 0", "1 2 3"])
def test_without_a_limit_or_a_sound_one_there_is_none(tmp_path: Path, text: str) -> None:
    group(tmp_path / "groups", cpu_max=text)
    assert cpu_quota(tmp_path / "groups", said(tmp_path, "0::/\n")) is None
    assert cpu_quota(tmp_path / "groups", tmp_path / "missing") is None


@pytest.mark.parametrize(("quota", "expected"), [(0.5, 1), (1.5, 2), (1000.0, None), (None, None)])
def test_cores_and_threads_follow(monkeypatch: pytest.MonkeyPatch, quota: float | None, expected: int | None) -> None:
    monkeypatch.setattr(machine, "cpu_quota", lambda: quota)
    monkeypatch.setattr("vistream.threads.cpu_quota", lambda: quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert cores() == (expected or 64)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    keep_threads_calm()
    assert os.environ.get("OMP_NUM_THREADS") == (None if quota is None else str(expected or 64))
