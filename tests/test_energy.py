"""The energy report: counts against brute force, prices against hand calculation, files whole, words honest."""

from __future__ import annotations

import csv
import itertools
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor
from toys import Toy, clips, toys
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.energy.constants import KIB, per_byte
from vistream.energy.counts import Counts, FrameCounts, LayerCounts, LayerSize, Outcome, SpikeCounts
from vistream.energy.density import layer_spikes_per_synapse, spike_rate, spikes_per_synapse
from vistream.energy.estimators import Estimator, energy
from vistream.energy.files import as_dict, write_csv, write_json
from vistream.energy.rapl import Meter
from vistream.energy.report import frame_figures, phases, total
from vistream.energy.rows import Access, Operations, Row, operations, state_bytes
from vistream.energy.verdicts import rests, verdicts
from vistream.errors import VistreamError
from vistream.quantize.dense import Dense
from vistream.quantize.layers import PIXEL_ZERO, Input, IntegerNetwork, Neuron, Synapse
from vistream.quantize.named import NamedNetwork
from vistream.quantize.window import POINTWISE, Window
from vistream.render.energy_html import page, write_html
from vistream.tasks.energy_run import EnergyRun, count_energy, nonzero_operations
from vistream.types import Frame

DEMO = Path(__file__).parents[1] / "demo_videos" / "plaza_static.mp4"
law = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


# ---- counts ----


def small(window: Window, groups: int, channels: int = 2) -> IntegerNetwork:
    """A grouped convolution to four channels, and behind it a pointwise one with a shortcut."""
    weight = torch.ones((4, channels // groups, *window.kernel), dtype=torch.int8)
    first = Neuron("first", (Synapse("x", weight, torch.full((4,), 0.01), window, groups),), torch.zeros(4), 0, 7, 1.0)
    across = Synapse("first", torch.ones((4, 4, 1, 1), dtype=torch.int8), torch.full((4,), 0.3))
    shortcut = Synapse("first", None, torch.full((4,), 0.5), POINTWISE)
    second = Neuron("second", (across, shortcut), torch.full((4,), -0.5), 0, 7, 1.0)
    return IntegerNetwork((Input("x", channels), first, second), 1.0, {"x": channels, "first": 4, "second": 4})


def pairs(source: Tensor, layer: Neuron, synapse: Synapse, skip_zeros: bool) -> int:
    """(source value, neuron) pairs of a convolution, one at a time."""
    assert synapse.window is not None and synapse.weight is not None
    window, placed = synapse.window, synapse.window.place(source.shape[0], source.shape[1])
    outputs, per_group = synapse.weight.shape[:2]
    found = 0
    for y, x, output in itertools.product(range(placed.height), range(placed.width), range(outputs)):
        group = output // (outputs // synapse.groups)
        for dy, dx, channel in itertools.product(range(window.kernel[0]), range(window.kernel[1]), range(per_group)):
            row = y * window.stride[0] + dy * window.dilation[0] - placed.top
            column = x * window.stride[1] + dx * window.dilation[1] - placed.left
            if 0 <= row < source.shape[0] and 0 <= column < source.shape[1]:
                found += not skip_zeros or int(source[row, column, group * per_group + channel]) != 0
    return found


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(
    "window",
    [
        Window((3, 3), padding=(1, 1)),
        Window((3, 3), (2, 2), padding=None),
        Window((3, 2), (1, 2), (2, 1), (2, 0)),
        Window((2, 2), (3, 3)),  # some pixels reach nothing
    ],
)
def test_counts_on_five_by_five_pixels_equal_brute_force(window: Window, groups: int) -> None:
    network = small(window, groups)
    random = np.random.default_rng(5)
    frame = random.choice(np.array([PIXEL_ZERO, PIXEL_ZERO, 3, 200, 255], dtype=np.uint8), (5, 5, 2))
    run = count_energy([(0, frame)], NamedNetwork("toy", network, ""), "toy", steps=200)
    levels = Dense(network).step(frame)
    first = network.neurons[0]
    sizes, counts = run.counts.layers, run.counts.frames[0].layers

    assert sizes[0].synapses == pairs(levels["x"], first, first.synapses[0], skip_zeros=False)
    assert counts[0].nonzero_macs == pairs(levels["x"], first, first.synapses[0], skip_zeros=True)
    assert counts[0].reset.macs == counts[0].nonzero_macs, "analog pixels that are not 0, delivered once"
    assert sizes[0].macs == levels["first"].numel() * math.prod(window.kernel) * 2 // groups

    values, spikes = levels["first"].numel(), counts[0].reset.spikes
    assert sizes[1].synapses == 4 * values and sizes[1].adds == values
    assert counts[1].nonzero_macs == 4 * int((levels["first"] != 0).sum())
    assert counts[1].nonzero_adds == int((levels["first"] != 0).sum())
    assert counts[1].reset.sops == 5 * spikes, "each spike reaches four neurons, and one through the shortcut"
    assert (sizes[0].analog, sizes[1].analog) == (True, False)
    assert (sizes[0].readers, sizes[1].readers) == (2, 0)


@given(toy=toys(), data=st.data())
@law
def test_nonzero_operations_equal_a_convolution_with_ones(toy: Toy, data: st.DataObject) -> None:
    frame = data.draw(clips(toy))[0]
    levels = Dense(toy.network).step(frame)
    for layer in toy.network.neurons:
        macs = adds = 0
        for synapse in layer.synapses:
            occupied = (levels[synapse.source] != 0).permute(2, 0, 1)[None].double()
            if synapse.weight is None:
                adds += int(occupied.sum())
                continue
            assert synapse.window is not None
            placed = synapse.window.place(occupied.shape[2], occupied.shape[3])
            padded = F.pad(occupied, (placed.left, placed.right, placed.top, placed.bottom))
            ones = torch.ones(synapse.weight.shape, dtype=torch.float64)
            window = synapse.window
            macs += int(F.conv2d(padded, ones, None, window.stride, 0, window.dilation, synapse.groups).sum())
        assert nonzero_operations(layer, levels) == (macs, adds)


@given(toy=toys(), data=st.data())
@law
def test_what_every_count_must_satisfy(toy: Toy, data: st.DataObject) -> None:
    frames = list(enumerate(data.draw(clips(toy))))
    counts = count_energy(frames, NamedNetwork("toy", toy.network, ""), "toy", steps=10_000).counts
    for number, frame in enumerate(counts.frames):
        assert frame.differing == 0 and frame.reset == replace(frame.reset, rested=True, differing=0)
        assert frame.differential.rested and frame.differential.differing == 0
        for size, layer in zip(counts.layers, frame.layers, strict=True):
            assert layer.nonzero_macs <= size.synapses <= size.macs
            assert layer.nonzero_adds <= size.adds
            assert layer.stream_macs <= size.macs and layer.stream_adds <= size.adds
            assert layer.changes <= layer.stream_neurons <= size.neurons
            assert layer.changes <= layer.differential.spikes, "a level changes by spikes alone"
            if number == 0:
                assert (layer.stream_macs, layer.stream_adds) == (size.macs, size.adds)
                assert layer.stream_neurons == size.neurons
                assert layer.reset == layer.differential, "on the first frame there is no past"


# ---- prices ----

SIZE = LayerSize("layer", neurons=100, macs=1000, synapses=900, adds=50, weights=40, inputs=60, readers=2, analog=False)
SPIKES = SpikeCounts(positive=6, negative=4, sops=200, macs=0, updates=30)
LAYER = LayerCounts(500, 20, 25, 250, 12, 8, reset=SPIKES, differential=SPIKES)


@pytest.mark.parametrize(
    ("row", "a", "b"),
    [
        (Row.FLOAT, 1000 * 4.6 + 50 * 0.9, 1000 * 4.6 + 50 * 0.9 + 100 * 1.8),
        (Row.DENSE, 1000 * 4.6 + 50 * 0.9, 1000 * 0.3 + 50 * 0.1 + 100 * 0.2),
        (Row.SKIPPING, 500 * 4.6 + 20 * 0.9, 500 * 0.3 + 20 * 0.1 + 100 * 0.2),
        (Row.RESET, 200 * 0.9, 200 * 0.1 + 30 * 0.2),
        (Row.DIFFERENTIAL, 200 * 0.9, 200 * 0.1 + 30 * 0.2),
        (Row.STREAM, 250 * 4.6 + 12 * 0.9, 250 * 0.3 + 12 * 0.1 + 25 * 0.2),
    ],
)
def test_estimators_a_and_b_by_hand(row: Row, a: float, b: float) -> None:
    done = operations(row, SIZE, LAYER)
    assert energy(Estimator.A, done) == pytest.approx(a)
    assert energy(Estimator.B, done) == pytest.approx(b)


@pytest.mark.parametrize(
    ("row", "moved"),
    [
        (Row.FLOAT, 4 * (1000 + 1000 + 50 + 100)),
        (Row.DENSE, 1000 + 1000 + 50 + 100),
        (Row.SKIPPING, 500 + 900 + 50 + 100),  # every value looked at, few weights
        (Row.STREAM, 250 + 250 + 12 + 25 + 8),  # old levels read, changes written
        (Row.DIFFERENTIAL, 200 + 8 * 200 + 5 * (30 + 10) + 4 * 10 * (2 + 1)),
        (Row.RESET, 200 + 8 * 200 + 5 * (30 + 10) + 4 * 10 * (2 + 1) + 5 * 100),  # and the state cleared
    ],
)
def test_bytes_by_hand(row: Row, moved: int) -> None:
    done = operations(row, SIZE, LAYER)
    assert sum(access.read + access.written for access in done.accesses) == moved
    expected = energy(Estimator.B, done) + 1.25 * moved  # all buffers are small
    assert energy(Estimator.C, done) == pytest.approx(expected)


@pytest.mark.parametrize("row", [Row.STREAM, Row.DIFFERENTIAL])
def test_a_held_frame_costs_reading_it_twice_and_writing_it(row: Row) -> None:
    def moved(analog: bool) -> int:
        done = operations(row, replace(SIZE, analog=analog), LAYER)
        return sum(access.read + access.written for access in done.accesses)

    assert moved(True) - moved(False) == 3 * SIZE.inputs


@pytest.mark.parametrize(
    ("size", "price"),
    [
        (0, 1.25),
        (8 * KIB, 1.25),
        (20 * KIB, 1.875),  # half-way between 8 and 32 KiB
        (32 * KIB, 2.5),
        (528 * KIB, 7.5),  # half-way between 32 KiB and 1 MiB
        (1024 * KIB, 12.5),
        (1024 * KIB + 1, 160.0),
    ],
)
def test_the_price_of_a_byte_is_piecewise_linear(size: int, price: float) -> None:
    assert per_byte(size) == pytest.approx(price)
    done = Operations(0, 0, 0, (Access(size, read=3, written=4),))
    assert energy(Estimator.C, done) == pytest.approx(7 * price)


# ---- sums, files, words ----


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


def test_every_ratio_names_its_estimator_and_its_baseline(run: EnergyRun) -> None:
    sentences = [sentence for sentence in verdicts(run.counts) if " x " in sentence]
    assert [sentence.split(",")[0] for sentence in sentences] == ["Estimator A", "Estimator B", "Estimator C"]
    for sentence in sentences:
        for baseline in ("the float network", "the dense QANN", "the zero-skipping QANN", "stream"):
            assert baseline in sentence


def frame_of(spiking: SpikeCounts, outcome: Outcome) -> FrameCounts:
    layer = replace(LAYER, reset=spiking, differential=spiking)
    return FrameCounts(0, (layer, layer), outcome, outcome, 0, {})


def counts_of(*frames: FrameCounts) -> Counts:
    sizes = (replace(SIZE, analog=True, synapses=5), SIZE)
    return Counts("clip", "toy", "", (8, 8), 4, outputs=10, pixels=192, moved=7, layers=sizes, frames=frames)


def test_a_frame_that_is_not_at_rest_is_never_passed_off_as_equal() -> None:
    good, bad = frame_of(SPIKES, Outcome(3, True, 0)), frame_of(SPIKES, Outcome(4, False, 5))
    assert rests(counts_of(good)) == "Every frame came to rest within 4 steps, in both spiking networks."
    assert not any("cut short" in sentence for sentence in verdicts(counts_of(good)))
    assert all("cut short" in sentence for sentence in verdicts(counts_of(good, bad))[:3])
    said = rests(counts_of(good, bad))
    assert said.startswith("NOT AT REST after 4 steps: 1 of 2 (SNN with reset), 1 of 2") and "50 %" in said


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
    layer = replace(LAYER, differential=still, stream_neurons=0, stream_macs=0, stream_adds=0, changes=0)
    frame = FrameCounts(0, (layer, layer), Outcome(4, True, 0), Outcome(0, True, 0), 0, {})
    first, *_ = verdicts(counts_of(frame))
    assert "wins against the dense QANN (0.00 x its energy)" in first and "ties with stream" in first


def test_measured_joules_count_packages_and_survive_a_wrap(tmp_path: Path) -> None:
    package, core = tmp_path / "intel-rapl:0", tmp_path / "intel-rapl:0:0"
    for folder in (package, core):
        folder.mkdir()
        (folder / "energy_uj").write_text("900\n")
        (folder / "max_energy_range_uj").write_text("1000\n")
    meter = Meter(tmp_path)
    (package / "energy_uj").write_text("950\n")
    assert meter.lap() == pytest.approx(50e-6), "a core is part of its package"
    (package / "energy_uj").write_text("20\n")
    assert meter.lap() == pytest.approx(70e-6)
    assert Meter(tmp_path / "none").lap() is None


# ---- the command ----


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


@pytest.mark.parametrize("options", [["--json=missing/e.json"], ["--json=a", "--csv=a"], ["--steps=99999999"]])
def test_a_wrong_option_is_refused(options: list[str]) -> None:
    with pytest.raises(VistreamError):
        CliRunner().invoke(
            app, ["energy-report", str(DEMO), "--size=32", "--max-frames=1", *options], catch_exceptions=False
        )


def test_json_is_all_of_plain_numbers(run: EnergyRun) -> None:
    json.dumps(as_dict(run.counts), allow_nan=False)
