"""An option that no wanted output would show, or that means nothing for the task, is refused: nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.errors import VistreamError
from vistream.pipeline.fleet.jobs import plan
from vistream.pipeline.options import MEANT_FOR, SHOWN_IN, check_options
from vistream.pipeline.output_paths import OutputPaths
from vistream.pipeline.settings import Settings
from vistream.pipeline.track import settings_of
from vistream.render.style import Style

CLIP = str(Path(__file__).parents[2] / "demo_videos" / "plaza_static.mp4")
BASIC = ["track", CLIP, "--max-frames", "1", "--detector", "motion", "--quiet"]


@pytest.mark.parametrize(
    ("options", "shown", "told"),
    [
        (["--mot-classes"], None, "--mot-classes acts on --mot-txt: ask for that too, or leave it out"),
        (["--zero-based"], ["--mot-txt", "a.txt"], "--zero-based acts on --mot-txt or --detections"),
        (["--work"], ["--jsonl", "a.jsonl"], "--work acts on --jsonl"),
        (["--style", "line=3"], ["-o", "a.mp4"], "--style line= acts on --output or --report or --show"),
        (["--style", "sound=off"], ["-o", "a.mp4"], "--style sound= acts on --output"),
        (["--style", "blur=moving"], ["--crops-dir", "a"], "--style blur= acts on --output or --report or --show or"),
        (["--interpolate", "3"], ["--coco-video", "a.json"], "--interpolate acts on --mot-txt or --csv or --coco-json"),
    ],
)
def test_without_the_output_that_it_acts_on_an_option_is_refused(
    options: list[str], shown: list[str] | None, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In these runs the outputs are others; beside the one that shows it, it is taken."""
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(app, [*BASIC, *options, "--yolo-dir", "yolo"])
    assert isinstance(refused.exception, VistreamError)
    assert told in str(refused.exception)
    assert list(tmp_path.iterdir()) == []
    if shown is not None:
        taken = CliRunner().invoke(app, [*BASIC, *options, *shown])
        assert taken.exception is None, taken.output


def test_of_several_sources_it_is_refused_before_one_begins(tmp_path: Path) -> None:
    paths = OutputPaths(jsonl=tmp_path / "out")
    with pytest.raises(VistreamError, match="--zero-based acts on"):
        plan([CLIP, "0"], Settings(zero_based=True), paths)
    with pytest.raises(VistreamError, match="--conf is for the tasks"):
        plan([CLIP, "0"], settings_of("semseg", conf=0.3), paths)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--conf", "person=0.3"], "--conf: motion knows no class 'person': it knows moving"),
        (["--fidelity", "float", "--deadband", "3"], "the fidelity float has no dead zones"),
        (["--fidelity", "float", "--hysteresis", "1"], "the fidelity float has no dead zones"),
    ],
)
def test_what_would_change_nothing_is_refused(options: list[str], told: str, tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, [*BASIC, *options, "--csv", str(tmp_path / "a.csv")])
    assert isinstance(refused.exception, VistreamError)
    assert told in str(refused.exception)
    assert list(tmp_path.iterdir()) == []


def test_a_score_for_a_class_that_is_there_or_that_a_file_lacks_is_taken(tmp_path: Path) -> None:
    shown = ["--csv", str(tmp_path / "a.csv")]
    taken = CliRunner().invoke(app, [*BASIC, "--conf", "moving=0.3", *shown])
    assert taken.exception is None, taken.output
    file = tmp_path / "a.txt"
    file.write_text("1,-1,10,20,30,40,0.9,-1,-1,-1\n")
    given = ["track", CLIP, "--max-frames", "1", "--quiet", "--detections", str(file), "--overwrite"]
    taken = CliRunner().invoke(app, [*given, "--conf", "car=0.3", *shown])
    assert taken.exception is None, taken.output


def test_what_is_carried_on_is_not_detected() -> None:
    with pytest.raises(VistreamError, match="carried on from --init-poses, and --classes is for detections"):
        check_options("pose", {"init_poses", "classes"})
    check_options("pose", {"init_poses", "lines"})


def test_the_names_in_the_tables_are_those_of_settings() -> None:
    style = Style(line=3, labels=False, trails=False, map=False, sound=False, blur=("car",))
    known = set(Settings.__dataclass_fields__) | set(Settings(style=style).changed)
    assert MEANT_FOR.keys() | SHOWN_IN.keys() <= known
    assert Settings().changed == frozenset()
