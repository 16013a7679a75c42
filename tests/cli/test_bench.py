"""`vistream bench`: everyone takes a turn, and the report says who was not here."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from segmenters import network_file
from typer.testing import CliRunner

from vistream.bench.clips import blob_frames
from vistream.cli.main import app
from vistream.errors import VistreamError
from vistream.ir.file import save_network
from vistream.quantize.named import named_network


def test_a_calibrated_network_has_no_float_weights(tmp_path: Path) -> None:
    save_network(named_network().network, tmp_path / "a.safetensors")
    with pytest.raises(VistreamError, match="give the weights that it was made of"):
        CliRunner().invoke(app, ["bench", "--model", str(tmp_path / "a.safetensors")], catch_exceptions=False)


def test_a_bench_without_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / "bench.json"
    options = ["--size", "96x64", "--frames", "3", "--rounds", "1", "--dirty", "0.2", "--json", str(path)]
    done = CliRunner().invoke(app, ["bench", *options])
    assert done.exit_code == 0, done.output
    report = json.loads(path.read_text())
    shares = {timing["name"]: sum(timing["share"]) / len(timing["share"]) for timing in report["timings"]}
    assert shares["PyTorch float32"] == shares["stream, all changed"] == 1.0
    assert 0 < shares["stream fast"] <= shares["stream exact"] < 1
    assert shares["stream, frame repeated"] == 0
    assert all(timing["median"] > 0 for timing in report["timings"])
    assert "…" not in done.output  # the tables fit into 80 columns


def test_a_network_that_segments(tmp_path: Path) -> None:
    path, weights = tmp_path / "bench.json", network_file(tmp_path)
    options = ["--size", "96x64", "--frames", "2", "--rounds", "1", "--dirty", "0.1", "--json", str(path)]
    beside = [option for name in ("PyTorch float32", "OpenVINO float32") for option in ("--beside", name)]
    done = CliRunner().invoke(app, ["bench", *options, *beside, "--model", f"spike2former:{weights}"])
    assert done.exit_code == 0, done.output
    report = json.loads(path.read_text())
    shares = {timing["name"]: sum(timing["share"]) / len(timing["share"]) for timing in report["timings"]}
    assert shares["PyTorch float32"] == 1.0
    assert shares["stream, all changed"] > 0.8  # some neurons give what they gave before
    assert 0 < shares["stream fast"] <= shares["stream high"] <= shares["stream exact"] < 1
    assert shares["stream, frame repeated"] == 0
    assert [line for line in report["missing"] if "PyTorch" in line] == []
    assert "60 slowest of" in done.output
    with pytest.raises(VistreamError, match=r"nowhere\.pth: no such network"):
        CliRunner().invoke(app, ["bench", "--model", "spike2former:nowhere.pth"], catch_exceptions=False)


@pytest.mark.parametrize("size", ["", "96", "4x4", "axb"])
def test_a_bad_size_is_refused(size: str) -> None:
    done = CliRunner().invoke(app, ["bench", "--size", size])
    assert isinstance(done.exception, VistreamError)
    assert "WIDTHxHEIGHT" in str(done.exception)


def test_blobs_change_their_share_of_the_picture() -> None:
    frames = blob_frames(128, 256, 0.25, 5)
    for before, after in itertools.pairwise(frames):
        assert abs((before != after).any(2).mean() - 0.25) < 0.02


def test_only_what_is_asked_for_is_timed_beside(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    options = ["--size", "96x64", "--frames", "2", "--rounds", "1", "--json", str(path), "--beside"]
    done = CliRunner().invoke(app, ["bench", *options, "PyTorch float32"])
    assert done.exit_code == 0, done.output
    assert "blobs, 0 % of the input dirty" in done.output, "a blob is more than 5 % of so small a picture"
    report = json.loads(path.read_text())
    others = {timing["name"] for timing in report["timings"] if not timing["name"].startswith("stream")}
    assert others == {"PyTorch float32"}
    assert report["missing"] == []
    done = CliRunner().invoke(app, ["bench", *options, "TVM"])
    assert done.exit_code != 0
    assert "nothing is called 'TVM'" in str(done.exception or done.output)


INTERRUPTED = """
import signal, torch
from vistream.bench.contenders import openvino
layer, frame = torch.nn.Conv2d(3, 4, 1), torch.zeros(1, 3, 8, 8)
made = [openvino(layer, lambda frame: frame, [frame], int8=False) for _ in "ab"]
while made:
    del made[0]  # in the order in which they were made
signal.signal(signal.SIGINT, lambda number, _: print("heard"))
signal.raise_signal(signal.SIGINT)
"""


def test_a_signal_is_heard_when_two_that_openvino_runs_are_gone() -> None:
    """Each came with a stack for signals: neither's may be left to the thread when it is unmapped."""
    pytest.importorskip("openvino")
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr
