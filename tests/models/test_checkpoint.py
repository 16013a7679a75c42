"""Weights files of every kind that should load, and from the file to the features."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from resnetfiles import State, state_dict, with_steps
from weighterror import weight_errors
from weightsfiles import prefixed, saved, saved_as_before, saved_safely, training_checkpoint, trunk

from vistream.engine.reference import Dense
from vistream.engine.spiking import Mode, Simulator
from vistream.engine.stream.engine import Stream
from vistream.errors import VistreamError
from vistream.ir.network import IntegerNetwork
from vistream.models.lite0 import lite0_features, packaged_weights
from vistream.models.model import LoadedModel, load_model
from vistream.models.resnet import MEAN, STD, ResNetFeatures
from vistream.quantize.convert import convert
from vistream.quantize.ranges import Preprocess
from vistream.quantize.scales import Levels
from vistream.quantize.trace import trace


def test_a_torchvision_file_loads_strictly(tmp_path: Path) -> None:
    state = state_dict(18, full=True)
    path = saved(state, tmp_path / "resnet18.pth")
    model = load_model(path)
    assert (model.name, model.mean, model.std, model.scales, model.levels) == ("resnet18", MEAN, STD, None, (127, 63))
    assert model.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert model.notes == ("layer4 and fc are not used: the network is cut after layer3",)
    expected = ResNetFeatures(18).eval()
    expected.load_state_dict(trunk(state))
    x = torch.randn(1, 3, 40, 48)
    with torch.no_grad():
        assert torch.equal(model.module(x), expected(x))
    assert not any(parameter.requires_grad for parameter in model.module.parameters())
    path.write_bytes(bytes(path.stat().st_size))
    with torch.no_grad():
        assert torch.equal(model.module(x), expected(x)), "the weights were still those of the file"


LAYOUTS: dict[str, Callable[[State, Path], Path]] = {
    "plain": saved,
    "older pickle": saved_as_before,
    "safetensors": saved_safely,
    "DataParallel": lambda s, p: saved({"state_dict": prefixed(s, "module."), "epoch": 3}, p),
    "surrounding model": lambda s, p: saved({"model": prefixed(s, "encoder.model.")}, p),
    "half precision": lambda s, p: saved({k: v.half() if v.is_floating_point() else v for k, v in s.items()}, p),
    "without batch counts": lambda s, p: saved({k: v for k, v in s.items() if "num_batches" not in k}, p),
    "trunk only": lambda s, p: saved(trunk(s), p),
    "other classes": lambda s, p: saved(s | {"fc.weight": torch.zeros(10, 512), "fc.bias": torch.zeros(10)}, p),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_network(layout: str, tmp_path: Path) -> None:
    state = state_dict(18)
    suffix = ".safetensors" if layout == "safetensors" else ".pth"
    model = load_model(LAYOUTS[layout](state, tmp_path / f"weights{suffix}"))
    loaded = model.module.state_dict()
    assert set(loaded) == set(trunk(state))
    for name, value in trunk(state).items():
        if "num_batches" not in name:
            assert loaded[name].dtype == torch.float32
            torch.testing.assert_close(loaded[name], value, atol=1e-4, rtol=0)


def test_contrastive_random_walk_loads(tmp_path: Path) -> None:
    """Its encoder is `encoder.model`; padding layers stand before the 3x3 convolutions; no layer4, no fc."""
    state = trunk(state_dict(18))
    wrapped = {name.replace("conv1.weight", "conv1.1.weight"): value for name, value in state.items()}
    content = {"model": {"selfsim_fc.0.weight": torch.zeros(128, 512), **prefixed(wrapped, "encoder.model.")}}
    model = load_model(saved(content, tmp_path / "crw.pth"))
    assert set(model.module.state_dict()) == set(state)
    assert len(model.notes) == 2
    assert "reflected borders" in model.notes[0]
    assert "1 keys outside encoder.model. are not used, such as selfsim_fc.0.weight" in model.notes[1]


@pytest.mark.parametrize(
    ("arguments", "levels", "said"),
    [
        ({"level": 16}, (7, 7), "level 16 (from its training arguments): activations 0..7"),
        ({"level": 32}, (15, 15), "level 32 (from its training arguments): activations 0..15"),
        ({"level": 256}, (127, 63), "activations 0..127"),
        ({}, (7, 7), "level 16 (the published checkpoint's, since this file names none)"),
    ],
)
def test_learned_steps_become_scales(
    arguments: dict[str, object], levels: tuple[int, int], said: str, tmp_path: Path
) -> None:
    state = with_steps(state_dict(50), 50, step=0.5)
    model = load_model(saved(training_checkpoint(state, arguments), tmp_path / "checkpoint-90.pth"))
    assert (model.name, model.levels) == ("checkpoint-90", levels)
    assert said in model.notes[0]
    assert model.scales is not None
    assert len(model.scales) == 1 + 3 * (3 + 4 + 6)
    assert model.scales["layer3.5.relu3"] == float(state["layer3.5.relu3.s"])
    network = integer_network(model)
    assert {neuron.scale for neuron in network.neurons} == set(model.scales.values())


def test_learned_weight_steps_are_said_to_be_unused(tmp_path: Path) -> None:
    state = with_steps(state_dict(18), 18) | {"conv1.quan_w_fn.s": torch.ones(64)}
    assert any(
        "learned weight steps are not used" in note for note in load_model(saved(state, tmp_path / "w.pth")).notes
    )


def test_lite0_loads_by_name_and_from_its_file() -> None:
    by_name, by_file = load_model("efficientnet-lite0"), load_model(packaged_weights())
    assert (by_name.name, by_name.levels, by_name.notes) == ("efficientnet-lite0", (127, 63), ())
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        expected = lite0_features()(x)
        for model in (by_name, by_file):
            assert torch.equal(model.module(x), expected)
    assert by_name.sha256 == by_file.sha256


def test_a_registered_name_is_looked_for_where_downloads_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTREAM_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(VistreamError, match="vistream download-weights vistream-resnet50"):
        load_model("vistream-resnet50")
    (tmp_path / "vistream-resnet50").mkdir()
    saved(training_checkpoint(with_steps(state_dict(50), 50), {}), tmp_path / "vistream-resnet50" / "checkpoint-90.pth")
    assert load_model("vistream-resnet50").name == "vistream-resnet50"


def integer_network(model: LoadedModel) -> IntegerNetwork:
    preprocess = Preprocess(model.mean, model.std)
    return convert(trace(model.module), {}, preprocess, Levels(*model.levels), model.scales)


def check_the_ladder(network: IntegerNetwork) -> None:
    """Two frames, a few columns apart, through `dense`, `stepped` and `stream`: equal, and not silent."""
    scene = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    dense, stream, simulator = Dense(network), Stream(network), Simulator(network, Mode.DIFFERENTIAL, 64)
    for shift in (0, 4):
        frame = np.ascontiguousarray(scene[:, shift : shift + 48])
        expected = dense.step(frame)[network.output]
        assert torch.equal(stream.step(frame).levels, expected)
        step = simulator.step(frame)
        assert step.rested
        assert torch.equal(step.levels, expected)
        assert int(expected.max()) > 0


def test_a_checkpoint_runs_through_every_rung(tmp_path: Path) -> None:
    state = with_steps(state_dict(18, full=True), 18)
    model = load_model(saved(training_checkpoint(state, {"level": 16}), tmp_path / "checkpoint-90.pth"))
    check_the_ladder(integer_network(model))


@pytest.mark.slow
def test_a_checkpoint_of_the_real_layout_and_size(tmp_path: Path) -> None:
    """All of ViStream's ResNet-50: 369 keys, the moments of every parameter, the arguments; about 300 MB."""
    state = with_steps(state_dict(50, full=True), 50)
    assert len(state) == 369
    path = saved(training_checkpoint(state, {"level": 16}, full=True), tmp_path / "checkpoint-90.pth")
    assert 290e6 < path.stat().st_size < 315e6
    model = load_model(path)
    assert model.levels == (7, 7)
    network = integer_network(model)
    errors = weight_errors(trace(model.module), network, Preprocess(model.mean, model.std))
    assert max(errors.values()) < 0.02
    check_the_ladder(network)
    assert extra_memory(path) < 0.5 * path.stat().st_size / 1e6, "the optimiser's state was read"


def extra_memory(path: Path) -> float:
    """MB that loading takes at its peak, in a process of its own (Linux keeps that figure; elsewhere 0 is said)."""
    script = """
import re, sys
from pathlib import Path
import safetensors.torch
from vistream.models.model import load_model

def peak():
    status = Path("/proc/self/status")
    return int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]) / 1e3 if status.exists() else 0.0

before = peak()
load_model(sys.argv[1])
print(peak() - before)
"""
    answer = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    return float(answer.stdout)
