"""`vistream doctor`: it tries the real parts, says what is missing, and never falls over itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.doctor import CHECKS, NOTHING, check_kernels, check_processor, check_video, check_weights, examine
from vistream.kernels.library import library, variants
from vistream.machine import versions


def doctor(*options: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["doctor", *options])
    return done.exit_code, done.output


def test_everything_works_here() -> None:
    code, said = doctor("--json")
    found = {entry["name"]: entry for entry in json.loads(said)}
    assert code == 0
    assert list(found) == list(CHECKS)
    assert "broken" not in {entry["state"] for entry in found.values()}
    assert all(entry["advice"] and "\n" not in entry["finding"] + entry["advice"] for entry in found.values())
    for version in versions().values():
        assert version in found["versions"]["finding"] or version == versions()["av"]
    assert "stream equals dense" in found["default network"]["finding"]


def test_for_people_each_check_is_two_lines() -> None:
    code, said = doctor()
    assert code == 0
    lines = said.splitlines()
    assert len(lines) == 2 * len(CHECKS)
    assert all(name in line for name, line in zip(CHECKS, lines[::2], strict=True))


def test_without_pyav_it_says_how_to_get_h264(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    found = check_video()
    assert (found.state.value, "pip install av" in found.advice) == ("weaker", True)


def test_without_weights_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VISTREAM_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    found = check_weights()
    assert (found.state.value, "download-weights nanodet-g" in found.advice) == ("weaker", True)


def test_a_broken_library_is_a_finding_and_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    found = next(iter(examine()))
    assert found.state.value == "broken"
    assert "cv2" in found.finding
    assert "pip install" in found.advice
    code, said = doctor()
    assert code == 1
    assert said.startswith("broken  versions: ModuleNotFoundError")


def test_a_kernel_that_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_kernels().state.value == "ok"
    monkeypatch.setattr(library(), "vistream_selftest", lambda *arguments: 1)
    kernels = {check.name: check for check in examine()}["kernels"]
    assert kernels.state.value == "broken"
    assert "self-test" in kernels.finding


def test_a_kernel_that_failed_in_a_child_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    best, *others = (one.name for one in variants())
    monkeypatch.setattr("vistream.kernels.library.passed", lambda: frozenset(others))
    tried: list[int] = []
    monkeypatch.setattr(library(), "vistream_selftest", lambda handle, *rest: tried.append(handle))
    found = check_kernels()
    assert len(tried) == len(others)
    assert (found.state.value, found.finding.endswith(f": {best}")) == ("broken", True)


def test_the_processor_is_named() -> None:
    found = check_processor()
    assert "cores" in found.finding
    assert (found.advice == NOTHING) == (found.state.value == "ok")


def test_a_lower_variant_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTREAM_KERNELS", "generic")
    found = check_processor()
    assert (found.state.value, "generic is used" in found.finding, "VISTREAM_KERNELS" in found.advice) == (
        "weaker",
        True,
        True,
    )
