"""Spikes of a Spike2Former: counted against plain sums, binary steps against integers, prices by hand."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
import torch
from segmenters import network_file
from spike2formerweights import small_network
from torch import Tensor, nn
from typer.testing import CliRunner

from vistream.cli.main import app
from vistream.energy.binary import prove
from vistream.energy.estimators import Estimator
from vistream.energy.spike_prices import Method, priced
from vistream.energy.spikes import EXPLAINED, STAGES, Firing, Products, SpikeCounts, count_spikes, stage_of
from vistream.models.spike2former.network import Network
from vistream.models.spike2former.neuron import Neuron
from vistream.models.spike2former.sizes import Backbone

DEMO = Path(__file__).parents[2] / "demo_videos" / "plaza_static.mp4"


@pytest.fixture
def picture() -> Tensor:
    return torch.randn(1, 3, 32, 48, generator=torch.Generator().manual_seed(1))


def shaken(network: Network) -> Network:
    """With weights of no special kind."""
    generator = torch.Generator().manual_seed(2)
    for parameter in network.parameters():
        parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.01)
    return network


def test_integers_and_products_are_those_of_the_layer(picture: Tensor) -> None:
    network = small_network()
    conv, neuron = network.backbone.downsample1_2.encode_conv, network.backbone.downsample1_2.encode_spike
    assert isinstance(neuron, Neuron)
    given: list[Tensor] = []
    conv.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    counts = count_spikes(network, [picture, picture])
    integers = given[0] * 4
    assert counts.frames == 2
    firing = counts.neurons["backbone.downsample1_2.encode_spike"]
    assert firing.mean == pytest.approx(float(integers.mean()))
    assert firing.rate == pytest.approx(float(integers.mean()) / 4)
    assert firing.active == 2 * int((integers > 0).sum())
    layer = counts.layers["backbone.downsample1_2.encode_conv"]
    assert layer.kind == "spikes"
    assert layer.macs == 2 * (8 * 8 * 9) * (8 * 12)
    assert layer.sops == pytest.approx(layer.macs * float(integers.mean()))


def test_what_reads_no_spikes_is_told_apart(picture: Tensor) -> None:
    layers = count_spikes(small_network("sdtv2"), [picture]).layers
    kinds = {name: layer.kind for name, layer in layers.items() if layer.kind != "spikes"}
    assert kinds.pop("backbone.downsample1_1.encode_conv") == "pixels"
    sums = {name for name, kind in kinds.items() if kind == "membrane"}
    blocks = ("ConvBlock1_1", "ConvBlock1_2", "ConvBlock2_1", "ConvBlock2_2")
    assert sums == {f"backbone.{block}.0.Conv.pwconv2" for block in blocks}
    assert all(name.endswith("product") for name in kinds.keys() - sums)
    assert not any(".body." in name for name in layers)  # a re-parameterised convolution is one layer


@pytest.mark.parametrize("backbone", ["sdtv2", "sdtv3"])
@pytest.mark.parametrize(("most", "norm"), [(4, 4), (8, 8), (4, 8)])
def test_binary_steps_give_what_integers_give(backbone: Backbone, most: int, norm: int, picture: Tensor) -> None:
    proof = prove(shaken(small_network(backbone, most=most, norm=norm)), picture)
    assert proof.differing == 0
    assert proof.steps == most
    assert proof.layers > 100
    assert proof.neurons > 10_000


def test_a_wrong_binary_form_is_seen(picture: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    from vistream.energy import binary

    plain = binary._apply
    lost = iter(range(10**6))

    def once_wrong(module: nn.Conv1d | nn.Conv2d | nn.Linear, x: Tensor, *, bias: bool) -> Tensor:
        return plain(module, x, bias=bias) * (0.5 if next(lost) == 200 else 1.0)

    monkeypatch.setattr(binary, "_apply", once_wrong)
    assert prove(small_network(), picture).differing > 0


def test_an_inexact_norm_is_refused(picture: Tensor) -> None:
    with pytest.raises(ValueError, match="no power of two"):
        prove(small_network(norm=3), picture)


def test_prices_by_hand() -> None:
    counts = SpikeCounts(
        2,
        {"n": Firing(4, values=20, integers=10.0, active=6)},
        {
            "first": Products("pixels", 10, 5, 4, macs=200),
            "conv": Products("spikes", 10, 5, 4, macs=200, sops=100.0),
        },
    )
    prices = priced(counts)
    assert prices.authors == pytest.approx(4.6 * 100 + 0.9 * 50)
    assert prices.estimates[Method.FLOAT, Estimator.A] == pytest.approx(4.6 * 200)
    assert prices.estimates[Method.SPIKES, Estimator.A] == pytest.approx(4.6 * 100 + 0.9 * 50)
    assert priced(counts, repeats=4).authors == pytest.approx(4 * prices.authors)


def test_a_layer_that_no_spike_reaches_costs_nothing() -> None:
    silent = {
        kind: Products(kind, 10, 5, 4, macs=100) for kind in ("pixels", "membrane", "spikes", "attention")
    }  # of which the latter two add for each spike, and there was none
    counts = SpikeCounts(1, {"n": Firing(4, values=20)}, silent)
    prices = priced(counts)
    assert prices.authors == prices.estimates[Method.SPIKES, Estimator.A] == pytest.approx(4.6 * 200)


def test_the_command_prints_writes_and_proves(tmp_path: Path) -> None:
    weights = network_file(tmp_path)
    page, rows, values = (tmp_path / f"a.{ending}" for ending in ("html", "csv", "json"))
    outputs = ["--html", str(page), "--csv", str(rows), "--json", str(values)]
    asked = ["energy-report", str(DEMO), "--task", "semseg", "--model", str(weights), "--max-frames", "1", "--binary"]
    done = CliRunner().invoke(app, [*asked, *outputs], catch_exceptions=False)
    proof = re.search(r"binary form: (\d+) layers run in 4 binary steps", " ".join(done.output.split()))
    assert proof is not None and int(proof[1]) > 60
    with rows.open(encoding="utf-8", newline="") as file:
        neurons = {row["layer"]: row for row in csv.DictReader(file)}
    counts = json.loads(values.read_text(encoding="utf-8"))
    text = page.read_text(encoding="utf-8")
    assert set(neurons) == set(counts["neurons"])
    for name, row in neurons.items():
        assert f"<td>{name}</td>" in text
        assert f"<td>{float(row['mean_integer']):.4f}</td>" in text
    assert all(f"<td>{name}</td>" in text for name in counts["layers"])
    assert text.count("<svg") == 3
    assert proof[0] in text and EXPLAINED[1] in text
    assert not re.search(r"(src|href)=.?https?:", text)


def test_every_layer_belongs_to_a_stage() -> None:
    network = small_network()
    found = {stage_of(name) for name, module in network.named_modules() if isinstance(module, Neuron)}
    assert found == {stage for _, stage in STAGES}
