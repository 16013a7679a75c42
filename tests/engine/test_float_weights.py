"""Weights of 8 and of 16 bits: what either costs, and that every executor takes both."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from blocks import Net, cba
from resnetfiles import state_dict, with_steps
from torch import nn
from weightsfiles import saved, training_checkpoint

import vistream
from vistream.engine import conversion
from vistream.engine.conversion import calibrated_weights, converted_model
from vistream.engine.reference import Dense
from vistream.engine.spiking import Mode, Simulator
from vistream.errors import VistreamError
from vistream.ir.network import IntegerNetwork
from vistream.quantize.scales import Weights
from vistream.types import Frame


def frames(count: int = 3) -> list[Frame]:
    """Smooth random pictures, of which a square changes."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.randint(0, 256, (8, 10, 3), generator=generator, dtype=torch.uint8)
    first = coarse.repeat_interleave(4, 0).repeat_interleave(4, 1).numpy()
    pictures = []
    for position in range(count):
        picture = first.copy()
        picture[4 * position : 4 * position + 8, 8:20] = 255 - picture[4 * position : 4 * position + 8, 8:20]
        pictures.append(picture)
    return pictures


def network(weights: Weights) -> IntegerNetwork:
    torch.manual_seed(3)
    module = nn.Sequential(
        cba(3, 8, 3, 2),
        Net(lambda net, x: torch.relu(x + net.inner(x)), inner=nn.Sequential(cba(8, 8, groups=8), nn.Conv2d(8, 8, 1))),
        cba(8, 12, groups=4), cba(12, 6, 1),
    ).eval()  # fmt: skip
    return converted_model(module, frames(), mean=118.0, std=58.0, weights=weights)


def test_sixteen_bits_are_two_products_of_eight() -> None:
    narrow, wide = network(Weights.INT8), network(Weights.INT16)
    for one, two in zip(narrow.neurons, wide.neurons, strict=True):
        weighted = [synapse for synapse in two.synapses if synapse.weight is not None]
        assert len(weighted) == 2 * sum(synapse.weight is not None for synapse in one.synapses)
        upper, lower = weighted
        assert upper.source == lower.source
        torch.testing.assert_close(upper.multiplier, 256 * lower.multiplier)
        nearest = (upper.weight.double() * 256 + lower.weight.double()) / 32639  # type: ignore[union-attr]
        coarse = next(synapse.weight for synapse in one.synapses if synapse.weight is not None)
        assert float((nearest - coarse.double() / 127).abs().max()) <= 0.5 / 127 + 1e-4


def test_the_stream_and_the_spiking_network_equal_the_reference_with_sixteen_bits() -> None:
    wide = network(Weights.INT16)
    dense, stream = Dense(wide), vistream.Stream(wide)
    simulator = Simulator(wide, Mode.DIFFERENTIAL, steps=256)
    for frame in frames():
        values, step, run = dense.step(frame), stream.step(frame), simulator.step(frame)
        assert torch.equal(step.levels, values[wide.output])
        assert run.rested
        assert torch.equal(run.levels, values[wide.output])
        for layer in wide.neurons:
            assert torch.equal(stream.levels(layer.name), values[layer.name])


def test_a_checkpoint_with_few_levels_is_told_what_its_weights_cost(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = with_steps(state_dict(18, full=True), 18, step=0.5)
    path = saved(training_checkpoint(state, {"level": 16}), tmp_path / "vistream.pth")
    found = calibrated_weights(str(path), frames(), Weights.INT16)
    assert 0.5 < found.cosines[Weights.INT8] < found.cosines[Weights.INT16] <= 1.0 + 1e-6
    assert max(neuron.hi for neuron in found.network.neurons) == 7


def test_a_calibration_that_is_too_far_off_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(state_dict(18, full=True), tmp_path / "plain.pth")
    assert calibrated_weights(str(path), frames())
    monkeypatch.setattr(conversion, "OUTPUT", 1e-3)
    with pytest.raises(VistreamError, match=r"8 bits do not suffice here\. Calibrate on frames like those to come$"):
        calibrated_weights(str(path), frames())


def test_other_weights_are_refused() -> None:
    with pytest.raises(VistreamError, match="weights are int8 or int16, not 'int4'"):
        vistream.stream(nn.Sequential(nn.Conv2d(3, 4, 3)), frames(), weights="int4")
