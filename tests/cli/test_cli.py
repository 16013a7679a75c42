"""The command line as a user meets it: what it writes, and how it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from onnxnets import unet
from typer.main import get_command
from typer.testing import CliRunner

from vistream.cli.main import app, run
from vistream.cli.tracking import parse_size
from vistream.errors import VistreamError
from vistream.media.formats.jsonl import read_results
from vistream.media.formats.mot import read_tracks
from vistream.media.video.source import open_source

DEMO = Path(__file__).parents[2] / "demo_videos"
CLIP = str(DEMO / "plaza_static.mp4")
DETECTIONS = str(DEMO / "plaza_static" / "det" / "det.txt")


def vistream(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the real command in a process of its own."""
    code = "from vistream.cli.main import run; run()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=cwd, capture_output=True, text=True, check=False, timeout=300
    )


def test_help_needs_none_of_the_heavy_libraries(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['vistream', '--help']\n"
        "from vistream.cli.main import run\n"
        "try:\n    run()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'torch', 'cv2', 'numpy', 'scipy', 'pandas', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")
    assert "verify" in done.stdout


@pytest.mark.parametrize("name", ["", *getattr(get_command(app), "commands")])  # noqa: B009  (a group, as mypy can't see)
def test_help_says_all_that_was_written_for_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Brackets would be taken for Rich's markup and left out; a line break in a paragraph would stay."""
    monkeypatch.setenv("COLUMNS", "200")
    shown = CliRunner().invoke(app, [*name.split(), "--help"], catch_exceptions=False).output
    command = getattr(get_command(app), "commands")[name] if name else get_command(app)  # noqa: B009  (as above)
    for paragraph in (command.help or "").split("\n\n"):
        assert " ".join(paragraph.split()) in shown


def test_track_writes_every_file_it_names(tmp_path: Path) -> None:
    files = ("--output", "out.mp4", "--mot-txt", "out.txt", "--jsonl", "out.jsonl", "--csv", "out.csv")
    done = vistream("track", CLIP, "--detections", DETECTIONS, "--max-frames", "12", *files, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    there = ["out.csv", "out.jsonl", "out.mp4", "out.resume", "out.txt"]  # one may want more frames
    assert sorted(path.name for path in tmp_path.iterdir()) == there
    results = list(read_results(tmp_path / "out.jsonl"))
    assert [result.frame for result in results] == list(range(12))
    assert 0 < results[1].work.macs <= results[1].work.macs_dense
    rows = read_tracks(tmp_path / "out.txt")
    assert len(rows) == sum(len(result.tracks) for result in results) > 30
    with open_source(str(tmp_path / "out.mp4")) as video:
        assert video.size == (640, 384)
        assert len(list(video)) == 12
    for said in ("12", "GMAC", "out.mp4", "out.csv"):
        assert said in done.stdout


def test_the_same_run_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        done = vistream(
            "track", CLIP, "--detector", "motion", "--fidelity", "high", "--max-frames", "20", "--jsonl", name,
            cwd=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    assert "only what moves" in done.stderr


def test_start_stride_and_max_frames_choose_frames(tmp_path: Path) -> None:
    options = ("--start", "10", "--stride", "3", "--max-frames", "4", "--jsonl", "out.jsonl", "--quiet")
    done = vistream("track", CLIP, "--detections", DETECTIONS, *options, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    frames = [json.loads(line)["frame"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert frames == [10, 13, 16, 19]


def test_nothing_found_is_said_loudly(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), np.full((48, 64, 3), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "2.png"), np.full((48, 64, 3), 90, np.uint8))
    done = vistream("track", ".", "--detector", "motion", "--csv", "out.csv", cwd=tmp_path)
    assert done.returncode == 0
    assert "nothing was detected in 2 frames" in done.stderr


def test_verify_says_equal(tmp_path: Path) -> None:
    done = vistream("verify", CLIP, "--max-frames", "4", "--every", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "frame 2: equal" in done.stdout
    assert "EQUAL, bit for bit: 2 of 4 frames" in done.stdout


def test_calibrate_makes_a_model_that_track_takes(tmp_path: Path) -> None:
    made = vistream("calibrate", CLIP, "--frames", "2", "--output", "net.safetensors", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    done = vistream("verify", CLIP, "--model", "net.safetensors", "--max-frames", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "EQUAL" in done.stdout


def test_calibrate_takes_an_onnx_file(tmp_path: Path) -> None:
    unet(tmp_path / "net.onnx")
    onnx = ("--model", "net.onnx", "--mean", "127.5", "--std", "64,64,64")
    made = vistream("calibrate", CLIP, "--frames", "2", *onnx, "--output", "net.safetensors", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "net.safetensors: 8 layers calibrated" in made.stdout


def test_calibrate_refuses_what_an_onnx_file_cannot_take(tmp_path: Path) -> None:
    unet(tmp_path / "net.onnx")
    for options, refusal in (
        (("--mean", "blue"), "--mean is 'blue': it must be numbers"),
        (("--std", "blue"), "--std is 'blue': it must be numbers"),
        (("--output", str(tmp_path / "net.json")), r"of an ONNX file the network is written: give a \.safetensors"),
    ):
        onnx = ("--model", str(tmp_path / "net.onnx"), "--output", str(tmp_path / "other.safetensors"))
        with pytest.raises(VistreamError, match=refusal):
            CliRunner().invoke(app, ["calibrate", CLIP, *onnx, *options], catch_exceptions=False)
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]


def bad_inputs(folder: Path) -> dict[str, tuple[str, ...]]:
    """Arguments that must be refused, by what is wrong with them; makes the files they name."""
    (folder / "text.mp4").write_text("this is no video\n" * 50)
    (folder / "cut.mp4").write_bytes(Path(CLIP).read_bytes()[:200_000])
    (folder / "empty").mkdir()
    (folder / "nothing.mp4").write_bytes(b"")
    (folder / "one.png").write_bytes(cv2.imencode(".png", np.zeros((1, 1, 3), np.uint8))[1].tobytes())
    (folder / "columns.txt").write_text("1,-1,10,10\n")
    (folder / "nan.txt").write_text("1,-1,nan,10,20,20,0.9,-1,-1,-1\n")
    (folder / "file").write_text("")
    (folder / "in.mp4").write_bytes(Path(CLIP).read_bytes())
    for mine in ("mine.mp4", "mine.json"):
        (folder / mine).write_text("the user's own")
    few = ("--max-frames", "2", "--detector", "motion")
    return {
        "missing file": ("track", "missing.mp4"),
        "text file named mp4": ("track", "text.mp4"),
        "truncated video": ("track", "cut.mp4"),
        "zero bytes": ("track", "nothing.mp4"),
        "empty folder": ("track", "empty"),
        "one pixel": ("track", "one.png", "--detector", "motion", "--csv", "out.csv"),
        "columns": ("track", CLIP, "--detections", "columns.txt"),
        "not a number": ("track", CLIP, "--detections", "nan.txt"),
        "detections missing": ("track", CLIP, "--detections", "none.txt"),
        "both detections and detector": ("track", CLIP, "--detections", DETECTIONS, "--detector", "motion"),
        "the source as output": ("track", "in.mp4", *few, "--output", "in.mp4"),
        "an output that is the user's": ("track", CLIP, *few, "--output", "mine.mp4"),
        "a checkpoint in place of an output": ("track", CLIP, *few, "--jsonl", "out.resume"),
        "scores over the ground truth": ("eval", "--gt", DETECTIONS, "--pred", "mine.json", "--json", "mine.json"),
        "a network over a file": ("calibrate", CLIP, "--frames", "1", "--output", "mine.json"),
        "energy over a file": ("energy-report", CLIP, "--html", "mine.mp4"),
        "timings over a file": ("bench", CLIP, "--json", "mine.json"),
        "classes that COCO does not know": ("track", CLIP, *few, "--coco-json", "out.json"),
        "output under a file": ("track", CLIP, *few, "--mot-txt", "file/out.txt"),
        "output of unknown kind": ("track", CLIP, *few, "--output", "out.xyz"),
        "two outputs, one name": ("track", CLIP, *few, "--csv", "same", "--jsonl", "same"),
        "unknown task": ("track", CLIP, "--task", "nonsense"),
        "unknown detector": ("track", CLIP, "--detector", "nonsense"),
        "unknown model": ("track", CLIP, *few, "--model", "nonsense"),
        "unknown fidelity": ("track", CLIP, *few, "--fidelity", "perfect"),
        "start beyond the end": ("track", CLIP, "--start", "5000"),
        "no display": ("track", CLIP, "--show"),
        "verify without a source": ("verify", "missing.mp4"),
        "calibration of another kind": ("calibrate", CLIP, "--output", "net.pt"),
        "unknown weights": ("download-weights", "nonsense"),
    }


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["verify", CLIP, "--detector", "nanodet-g", "--model", "nowhere.pth"], "no other --task and --model"),
        (["verify", CLIP, "--detector", "nanodet-g", "--task", "semseg"], "no other --task and --model"),
        (["energy-report", CLIP, "--detector", "nanodet-g", "--model", "x"], "no other --task and --model"),
        (["energy-report", CLIP, "--detector", "posenet", "--size", "96"], "has a size of its own"),
        (["energy-report", CLIP, "--task", "semseg", "--size", "64"], "--size and --steps are of a simulation"),
        (["energy-report", CLIP, "--task", "semseg", "--steps", "9"], "--size and --steps are of a simulation"),
        (["bench", CLIP, "--dirty", "0.5"], "--dirty and --size are of the synthetic picture"),
        (["bench", CLIP, "--size", "96x64"], "--dirty and --size are of the synthetic picture"),
        (["bench", CLIP, "--pipeline", "--model", "resnet18"], "no --model, no --beside"),
        (["bench", CLIP, "--pipeline", "--beside", "OpenVINO int8"], "no --model, no --beside"),
        (["calibrate", CLIP, "--output", "a.json", "--weights", "int16"], "ranges hold no weights"),
    ],
    ids=lambda value: " ".join(value[2:]) if isinstance(value, list) else "",
)
def test_an_option_that_would_do_nothing_is_refused(command: list[str], said: str) -> None:
    with pytest.raises(VistreamError, match=said):
        CliRunner().invoke(app, command, catch_exceptions=False)


@pytest.mark.slow
def test_bad_input_gives_one_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In this process, which has imported the heavy libraries once."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    cases = bad_inputs(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for what, arguments in cases.items():
        monkeypatch.setattr(sys, "argv", ["vistream", *arguments])
        with pytest.raises(SystemExit) as left:
            run()
        said = capfd.readouterr().err
        assert left.value.code == 2, f"{what}: {left.value.code} {said}"
        errors = [line for line in said.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, f"{what}: {said}"
        assert "Traceback" not in said, what
        assert sorted(tmp_path.rglob("*")) == before, f"{what} left something behind"


def test_debug_shows_where_it_went_wrong(tmp_path: Path) -> None:
    done = vistream("track", "missing.mp4", "--debug", cwd=tmp_path)
    assert done.returncode != 0
    assert "Traceback" in done.stderr


def test_eval_scores_two_files(tmp_path: Path) -> None:
    truth = str(DEMO / "plaza_static" / "gt" / "gt.txt")
    done = vistream("eval", "--gt", truth, "--pred", truth, "--json", "scores.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "HOTA" in done.stdout
    assert "100" in done.stdout or "1.0" in done.stdout
    assert (tmp_path / "scores.json").is_file()


@pytest.mark.parametrize("name", ["", "track", "serve"])
def test_flags_are_not_shown_with_a_value(name: str) -> None:
    assert "bool" not in CliRunner().invoke(app, [*name.split(), "--help"], catch_exceptions=False).output


@pytest.mark.parametrize("size", ["1", "31x31", "9000", "640x9000"])
def test_a_detectors_size_has_bounds_that_are_named(size: str) -> None:
    with pytest.raises(VistreamError, match=f"--detector-size is '{size}': a side has from 32 to 8192 pixels"):
        parse_size(size)
