"""The command that lists and fetches weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from vistream.cli.download_weights import download_weights
from vistream.models.download import fetch
from vistream.models.registry import WEIGHTS


def run_command(*arguments: str) -> str:
    app = typer.Typer()
    app.command()(download_weights)
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_command_lists_every_entry_and_whether_it_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTREAM_HOME", str(tmp_path))
    table = run_command()
    assert all(name in table for name in WEIGHTS)
    listing = json.loads(run_command("--json"))
    assert [entry["name"] for entry in listing] == list(WEIGHTS)
    here = {entry["name"]: entry["present"] for entry in listing}
    assert here["efficientnet-lite0"]
    assert not here["nanodet-g"]


def test_the_command_prints_the_path_alone() -> None:
    assert run_command("efficientnet-lite0").strip() == str(fetch("efficientnet-lite0"))
    answer = json.loads(run_command("efficientnet-lite0", "--json"))
    assert answer["path"] == str(fetch("efficientnet-lite0"))
