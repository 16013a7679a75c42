"""The energy report: sums that agree in every file, words that are honest, and the command."""

from __future__ import annotations

import csv
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from energytoys import LAYER, SIZE, SPIKES, small
from onnxnets import yolov8
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.energy.counts import Counts, FrameCounts, Outcome, SpikeCounts
from vistream.energy.density import layer_spikes_per_synapse, spike_rate, spikes_per_synapse
from vistream.energy.files import as_dict, write_csv, write_json
from vistream.energy.report import frame_figures, phases, total
from vistream.energy.rows import Row, state_bytes
from vistream.energy.run import EnergyRun, count_energy
from vistream.energy.verdicts import rests, verdicts
from vistream.errors import VistreamError
from vistream.ir.window import Window
from vistream.quantize.named import NamedNetwork
from vistream.render.energy_html import page, write_html
from vistream.types import Frame

DEMO = Path(__file__).parents[2] / "demo_videos" / "plaza_static.mp4"


@pytest.fixture(scope="module")
def run() -> EnergyRun:
    """Three frames of a toy, of which the SNN gets too few steps."""
    random = np.random.default_rng(1)
    first: Frame = random.integers(0, 256, (6, 7, 3), dtype=np.uint8)
    second = first.copy()
    second[2, 3] = 255 - second[2, 3]
    network = small(Window((3, 3), padding=(1, 1)), 1, channels=3)
    return count_energy([(4, first), (5, second), (6, second)], NamedNetwork("<b>toy", network, "f" * 64), "a&b<i>", 2)


def test_totals_equal_the_sum_of_layers_in_every_file(run: EnergyRun, tmp_path: Path) -> None:
    write_csv(run.counts, tmp_path / "e.csv")
    write_json(run.counts, tmp_path / "e.json")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["e.csv", "e.json"]
    written = json.loads((tmp_path / "e.json").read_text(encoding="utf-8"))
    with (tmp_path / "e.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 3 * 2 * len(Row)
    for frame in written["frames"]:
        for row, figures in frame["rows"].items():
            mine = [line for line in lines if line["frame"] == str(frame["frame"]) and line["row"] == row]
            for name, value in figures.items():
                assert sum(float(line[name]) for line in mine) == pytest.approx(value, rel=1e-8)
    assert {line["phase"] for line in lines if line["frame"] == "4"} == {"first"}
    assert {line["phase"] for line in lines if line["frame"] != "4"} == {"later"}


def test_the_first_frame_is_never_averaged_with_the_rest(run: EnergyRun) -> None:
    first, later = phases(run.counts)
    assert [frame.frame for frame in first.frames] == [4]
    assert [frame.frame for frame in later.frames] == [5, 6]
    parts = [frame_figures(Row.STREAM, run.counts, frame) for frame in later.frames]
    assert later.figures(Row.STREAM, run.counts).macs == total(parts).macs / 2
    assert total(later.layers(Row.STREAM, run.counts)).c == pytest.approx(later.figures(Row.STREAM, run.counts).c)
    assert frame_figures(Row.STREAM, run.counts, run.counts.frames[2]).macs == 0, "a repeated frame costs nothing"


def test_an_output_that_cannot_be_written_leaves_nothing(run: EnergyRun, tmp_path: Path) -> None:
    for write, name in ((write_json, "e.json"), (write_csv, "e.csv")):
        with pytest.raises(VistreamError, match="does not exist"):
            write(run.counts, tmp_path / "missing" / name)
    with pytest.raises(VistreamError, match="does not exist"):
        write_html(run, tmp_path / "missing" / "e.html")
    assert list(tmp_path.iterdir()) == []


def test_the_page_stands_alone_and_escapes_what_it_is_given(run: EnergyRun) -> None:
    html = page(run)
    assert html.count("<svg") == 5
    assert "a&amp;b&lt;i&gt;" in html and "&lt;b&gt;toy" in html
    assert "<i>" not in html and "<b>toy" not in html and "<script" not in html
    assert not re.search(r"(src|href)=[\"']?(https?:|//|file:)", html), "nothing is fetched"
    for row in Row:
        assert row.value in html
    assert "not measured" in html


def test_a_plots_ticks_are_numbers_however_little_it_spans(run: EnergyRun) -> None:
    assert "mathdefault" not in page(run)


def test_a_page_of_one_frame_has_no_map_of_what_changed(run: EnergyRun) -> None:
    assert "Where activity is" in page(run)
    alone = page(replace(run, activity=()))
    assert "Where activity is" not in alone and alone.count("<svg") == 4


def test_every_ratio_names_its_estimator_and_its_baseline(run: EnergyRun) -> None:
    rested = [replace(f, differential=replace(f.differential, rested=True)) for f in run.counts.frames]
    sentences = [s for s in verdicts(replace(run.counts, frames=tuple(rested))) if " x " in s]
    assert [sentence.split(",")[0] for sentence in sentences] == ["Estimator A", "Estimator B", "Estimator C"]
    for sentence in sentences:
        for baseline in ("the float network", "the dense QANN", "the zero-skipping QANN", "stream"):
            assert baseline in sentence


def frame_of(spiking: SpikeCounts, outcome: Outcome) -> FrameCounts:
    layer = replace(LAYER, reset=spiking, differential=spiking)
    return FrameCounts(0, (layer, layer), outcome, outcome, 0, {})


def counts_of(*frames: FrameCounts) -> Counts:
    sizes = (replace(SIZE, analog=True, graded=True, synapses=5), SIZE)
    return Counts("clip", "toy", "", (8, 8), 4, outputs=10, pixels=192, moved=7, layers=sizes, frames=frames)


def test_a_frame_that_is_not_at_rest_is_never_passed_off_as_equal() -> None:
    good, bad = frame_of(SPIKES, Outcome(3, True, 0)), frame_of(SPIKES, Outcome(4, False, 5))
    assert rests(counts_of(good)) == "Every frame came to rest within 4 steps, in both spiking networks."
    assert not any("no verdict" in sentence for sentence in verdicts(counts_of(good)))
    assert all("no verdict" in sentence for sentence in verdicts(counts_of(good, bad))[:3])
    said = rests(counts_of(good, bad))
    assert said.startswith("NOT AT REST after 4 steps: 1 of 2 (SNN with reset), 1 of 2") and "50 %" in said


def test_layers_without_single_spikes_are_told_to_be_left_out_of_the_density() -> None:
    counts = counts_of(frame_of(SPIKES, Outcome(4, True, 0)))
    assert "(without" not in verdicts(counts)[-1]
    graded = replace(counts, layers=(counts.layers[0], replace(SIZE, graded=True)))
    assert "(without 1 of 2 layers, which read no single spikes)" in verdicts(graded)[-1]


def test_densities_by_hand() -> None:
    counts = counts_of(frame_of(SPIKES, Outcome(4, True, 0)))
    frame = counts.frames[0]
    assert spikes_per_synapse(Row.RESET, counts, frame) == pytest.approx(200 / 950), "not the layer that reads pixels"
    assert layer_spikes_per_synapse(Row.RESET, counts, frame) == pytest.approx([math.nan, 200 / 950], nan_ok=True)
    assert spike_rate(Row.RESET, counts, frame) == pytest.approx(20 / (200 * 4))
    assert state_bytes(Row.STREAM, counts) == 200 + 7 + 192
    assert state_bytes(Row.DIFFERENTIAL, counts) == 5 * 200 + 7 + 192
    assert state_bytes(Row.DENSE, counts) == 0


def test_a_still_picture_wins_for_the_spiking_network_and_the_words_say_so() -> None:
    still = SpikeCounts(0, 0, 0, 0, 0)
    layer = replace(LAYER, differential=still, stream_values=0, stream_macs=0, stream_adds=0, changes=0)
    frame = FrameCounts(0, (layer, layer), Outcome(4, True, 0), Outcome(0, True, 0), 0, {})
    first, *_ = verdicts(counts_of(frame))
    assert "wins against the dense QANN (0.00 x its energy)" in first and "ties with stream" in first


def test_the_command_on_a_demo_clip(tmp_path: Path) -> None:
    files = [tmp_path / f"e.{kind}" for kind in ("json", "csv", "html")]
    options = [f"--{file.suffix[1:]}={file}" for file in files]
    result = CliRunner().invoke(
        app, ["energy-report", str(DEMO), "--max-frames=2", "--size=32", "--steps=8", *options], catch_exceptions=False
    )
    assert result.exit_code == 0
    assert sorted(tmp_path.iterdir()) == sorted(files)
    written = json.loads(files[0].read_text(encoding="utf-8"))
    assert written["size"][0] == 32 and len(written["frames"]) == 2 and len(written["layers"]) == 15
    assert all(frame["stream_differing"] == 0 for frame in written["frames"])
    assert "NOT AT REST after 8 steps: 2 of 2" in " ".join(result.output.split())
    assert "shrunk from 640x384" in " ".join(result.output.split())
    for row in Row:
        assert row.value in result.output
    assert "<svg" in files[2].read_text(encoding="utf-8")


def test_a_detectors_network_is_counted_on_what_it_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTREAM_HOME", str(tmp_path / "home"))
    detector = f"--detector=onnx:{yolov8(tmp_path / 'net.onnx')}"
    written = tmp_path / "e.json"
    asked = ["energy-report", str(DEMO), detector, "--max-frames=2", "--steps=4", f"--json={written}"]
    assert CliRunner().invoke(app, asked, catch_exceptions=False).exit_code == 0
    found = json.loads(written.read_text(encoding="utf-8"))
    assert found["size"] == [64, 64] and len(found["frames"]) == 2
    assert all(frame["stream_differing"] == 0 for frame in found["frames"])
    with pytest.raises(VistreamError, match="is not streamed: there is nothing to count"):
        CliRunner().invoke(app, ["energy-report", str(DEMO), "--detector=motion"], catch_exceptions=False)
    with pytest.raises(VistreamError, match="it goes with no other --task and --model"):
        CliRunner().invoke(app, ["energy-report", str(DEMO), detector, "--task=semseg"], catch_exceptions=False)


@pytest.mark.parametrize("options", [["--json=a", "--csv=a"], ["--steps=99999999"]])
def test_a_wrong_option_is_refused(options: list[str]) -> None:
    with pytest.raises(VistreamError):
        CliRunner().invoke(
            app, ["energy-report", str(DEMO), "--size=32", "--max-frames=1", *options], catch_exceptions=False
        )


def test_json_is_all_of_plain_numbers(run: EnergyRun) -> None:
    json.dumps(as_dict(run.counts), allow_nan=False)
