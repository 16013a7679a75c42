"""`vistream config` prints what `--config` reads; what is typed goes before; what is wrong is one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.errors import VistreamError

CLIP = str(Path(__file__).parents[2] / "demo_videos" / "plaza_static.mp4")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, VistreamError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_what_is_printed_can_be_read_and_changes_nothing(tmp_path: Path) -> None:
    printed = run("config")
    whole = yaml.safe_load(printed)
    assert {"track", "serve", "eval", "bench"} <= whole.keys()
    assert whole["track"]["fidelity"] == "exact"
    path = tmp_path / "all.yaml"
    path.write_text(printed)
    run("track", CLIP, "--config", str(path), "--max-frames", "1", "--detector", "motion", "--csv", f"{tmp_path}/a.csv")
    assert max(map(len, printed.splitlines())) <= 120


def test_commands_without_config_are_left_out() -> None:
    """What --config does not take is no section of a file for it."""
    commands = vars(get_command(app))["commands"]
    taking = {name for name, one in commands.items() if any("--config" in option.opts for option in one.params)}
    assert set(yaml.safe_load(run("config"))) == taking
    for name in commands.keys() - taking:
        with pytest.raises(VistreamError, match=f"there is no command '{name}' with --config: track, "):
            run("config", name)


@pytest.mark.parametrize("section", [True, False])
def test_options_come_from_the_file_and_those_typed_go_before(section: bool, tmp_path: Path) -> None:
    options: dict[str, object] = {
        "max_frames": 4,
        "detector": "motion",
        "jsonl": str(tmp_path / "a.jsonl"),
        "classes": ["moving"],
    }
    options["line"] = ["0,0.5,1,0.5,door"]
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump({"track": options, "serve": {"port": 1}} if section else options))
    run("track", CLIP, "--config", str(path))
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 4
    run("track", CLIP, "--config", str(path), "--max-frames", "2", "--jsonl", str(tmp_path / "b.jsonl"))
    assert len((tmp_path / "b.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("max_frame: 3\n", "has no option 'max_frame': did you mean max-frames"),
        ("track:\n  speed: 3\n", "has no option 'speed'"),
        ("a: [3\n", "line 2: not YAML"),
        ("track: {}\nserve: {}\ntrack: {max-frames: 3}\n", "line 3: not YAML: the key 'track' occurs twice"),
        ("- 3\n", "options and their values are expected"),
        ("\x00", "a.yaml"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_file(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(VistreamError, match=complaint) as error:
        run("track", CLIP, "--config", str(path))
    assert "\n" not in str(error.value)


def test_a_command_that_is_not_there_is_named() -> None:
    with pytest.raises(VistreamError, match="no command 'fly'"):
        run("config", "fly")
