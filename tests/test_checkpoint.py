"""Weights files of every kind that should load, and of every kind that must not."""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import pickle
import re
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from resnetfiles import State, state_dict, with_steps
from safetensors.torch import save_file

from vistream.errors import VistreamError
from vistream.networks.lite0 import lite0_features, packaged_weights
from vistream.networks.model import LoadedModel, load_model
from vistream.networks.resnet import MEAN, STD, ResNetFeatures
from vistream.quantize.convert import Levels, convert
from vistream.quantize.dense import Dense
from vistream.quantize.layers import IntegerNetwork
from vistream.quantize.ranges import Preprocess
from vistream.quantize.trace import trace
from vistream.quantize.weight_error import weight_errors
from vistream.snn import Mode, Simulator
from vistream.stream.engine import Stream


def saved(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


def saved_as_before(content: object, path: Path) -> Path:
    """As torch 1.5 and earlier wrote it, and torchvision's first ResNets still are."""
    torch.save(content, path, _use_new_zipfile_serialization=False)
    return path


def saved_safely(state: State, path: Path) -> Path:
    save_file({name: value.contiguous() for name, value in state.items()}, path)
    return path


def prefixed(state: State, prefix: str) -> State:
    return {prefix + name: value for name, value in state.items()}


def trunk(state: State) -> State:
    return {name: value for name, value in state.items() if not name.startswith(("layer4.", "fc."))}


def training_checkpoint(model: State, arguments: dict[str, object], full: bool = False) -> dict[str, object]:
    """As ViStream's training script leaves it behind; `full`: with two moments of its own for every parameter."""
    trained = [value for name, value in model.items() if not name.endswith(("mean", "var", "tracked"))]
    moments = {i: _moments(value, full) for i, value in enumerate(trained)}
    optimizer = {"state": moments, "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.999), "params": list(moments)}]}
    args = argparse.Namespace(model="resnet50", lr=1e-4, resume=None, **arguments)
    return {"model": model, "optimizer": optimizer, "epoch": 90, "scaler": {"scale": 65536.0}, "args": args}


def _moments(value: torch.Tensor, full: bool) -> State:
    first, second = (value.clone(), value.clone()) if full else (value, value)
    return {"step": torch.tensor(9.0), "exp_avg": first, "exp_avg_sq": second}


# ---- files that load ----


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


# ---- files that are refused ----


def refusal(path: Path | str) -> str:
    with pytest.raises(VistreamError) as caught:
        load_model(path)
    message = str(caught.value)
    assert "\n" not in message, "one line"
    assert len(message) < 600
    assert str(path) in message
    return message


class Payload:
    """What a hostile pickle holds: code to be run when it is read."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.target}",)


class Evaluated:
    """The same by other means."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return eval, (f"__import__('pathlib').Path({str(self.target)!r}).touch()",)


WRITERS: dict[str, Callable[[object, Path], object]] = {
    "archive": saved,
    "older pickle": saved_as_before,
    "bare pickle": lambda content, path: path.write_bytes(pickle.dumps(content)),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("payload", [Payload, Evaluated])
@pytest.mark.parametrize("where", ["alone", "among the weights", "in the optimiser"])
def test_code_in_a_pickle_is_never_run(
    where: str, payload: Callable[[Path], object], writer: str, tmp_path: Path
) -> None:
    target, path = tmp_path / "written", tmp_path / "hostile.pth"
    bomb = payload(target)
    state: dict[str, object] = {**state_dict(18)}
    content = {
        "alone": bomb,
        "among the weights": state | {"conv1.weight": bomb},
        "in the optimiser": {"model": state, "optimizer": bomb, "args": argparse.Namespace(level=16)},
    }[where]
    WRITERS[writer](content, path)
    message = refusal(path)
    assert not target.exists(), "the payload ran"
    assert "more than weights" in message or "can't be read as weights" in message
    if writer == "bare pickle" and where == "alone":
        pickle.loads(path.read_bytes())
        assert target.exists(), "the payload would have worked"


def test_the_call_that_was_not_made_is_named(tmp_path: Path) -> None:
    assert "would call posix.system, which was not done" in refusal(saved(Payload(tmp_path / "x"), tmp_path / "x.pth"))


def zip_bomb(path: Path) -> None:
    """Half a gigabyte of zeros in two megabytes."""
    packed = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with packed as archive, archive.open("archive/data.pkl", "w") as member:
        for _ in range(16):
            member.write(bytes(1 << 25))


def lying_header(path: Path) -> None:
    """A torch archive whose directory says that one tensor has 2 GB."""
    buffer = io.BytesIO()
    torch.save(state_dict(18), buffer)
    content = bytearray(buffer.getvalue())
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 20 : entry + 28] = (2_000_000_000).to_bytes(4, "little") * 2
    path.write_bytes(content)


def storage_too_short(path: Path) -> None:
    """A tensor said to be larger than the bytes that are there for it."""
    buffer = io.BytesIO()
    torch.save({"conv1.weight": torch.ones(64, 3, 7, 7)}, buffer)
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(path, "w") as new:
        for member in old.infolist():
            content = old.read(member)
            new.writestr(member.filename, content[:64] if "/data/" in member.filename else content)


def random_bytes(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(100_000))


def random_archive(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04" + np.random.default_rng(0).bytes(100_000) + b"PK\x05\x06" + bytes(18))


def cut_archive(path: Path) -> None:
    saved(state_dict(18), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_pickle(path: Path) -> None:
    saved_as_before(state_dict(18), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


UNREADABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pickled module": (lambda path: torch.save(torch.nn.Linear(2, 2), path), "more than weights"),
    "zip bomb": (zip_bomb, "not one that torch wrote"),
    "lying header": (lying_header, "not one that torch wrote"),
    "storage too short": (storage_too_short, "can't be read as weights"),
    "random bytes": (random_bytes, "can't be read as weights"),
    "random archive": (random_archive, "archive|can't be read as weights"),
    "archive cut short": (cut_archive, "can't be read as weights"),
    "pickle cut short": (cut_pickle, "can't be read as weights"),
    "empty": (lambda path: path.write_bytes(b""), "can't be read as weights"),
    "text": (lambda path: path.write_text("<html>404</html>"), "can't be read as weights"),
    "a folder": (lambda path: path.mkdir(), "nor is it a file"),
    "nothing": (lambda path: None, "nor is it a file; the names are efficientnet-lite0, vistream-resnet50"),
    "a list": (lambda path: saved([1, 2], path), "holds a list, not weights by name"),
    "numbers": (
        lambda path: saved({"epoch": 3, "lr": 0.1}, path),
        r"no weights \(its first entries are 'epoch', 'lr'\)",
    ),
    "no model": (lambda path: saved({"model": {}}, path), r"no weights \(its first entries are nothing\)"),
    "other weights": (lambda path: saved({"a.weight": torch.ones(1)}, path), r"neither a ResNet-18, .* are a\.weight"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_files_that_hold_no_weights_are_refused(case: str, tmp_path: Path) -> None:
    make, said = UNREADABLE[case]
    path = tmp_path / "weights.pth"
    make(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    message = refusal(path)
    assert re.search(said, message), message
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000, "it was unpacked (kB)"


def without(state: State, *names: str) -> State:
    return {name: value for name, value in state.items() if name not in names}


def changed(name: str, value: torch.Tensor) -> Callable[[State], State]:
    return lambda state: state | {name: value}


NAN = torch.full((64,), 1.0).index_fill(0, torch.tensor(7), float("nan"))

MISFITS: dict[str, tuple[Callable[[State], State], str]] = {
    "a missing layer": (
        lambda s: without(s, "layer1.0.conv2.weight", "bn1.bias"),
        "of another network: it lacks bn1.bias, layer1.0.conv2.weight",
    ),
    "ResNet-34": (
        lambda s: s | {f"layer1.2.{n}": s[f"layer1.1.{n}"] for n in ("conv1.weight", "conv2.weight", "bn1.weight")},
        "it has the unknown layer1.2.conv1.weight, layer1.2.conv2.weight, layer1.2.bn1.weight",
    ),
    "much more": (
        lambda s: s | {f"layer1.{i}.x": torch.ones(1) for i in range(9)},
        "unknown layer1.0.x, layer1.1.x, layer1.2.x and 6 more",
    ),
    "a wrong shape": (
        changed("conv1.weight", torch.ones(64, 3, 3, 3)),
        r"wrong shape of conv1.weight \[64, 3, 3, 3\] where \[64, 3, 7, 7\] is wanted",
    ),
    "a wrong shape behind the cut": (changed("layer4.1.bn2.bias", torch.ones(3)), r"layer4.1.bn2.bias \[3\]"),
    "half of layer4": (
        lambda s: without(s, "layer4.0.conv1.weight"),
        "it lacks layer4.0.conv1.weight",
    ),
    "NaN": (changed("bn1.weight", NAN), "not finite in bn1.weight"),
    "infinity": (changed("layer3.0.bn1.bias", torch.full((256,), torch.inf)), "not finite in layer3.0.bn1.bias"),
    "negative variance": (changed("bn1.running_var", -torch.ones(64)), "negative variances in bn1.running_var"),
    "integers": (changed("bn1.bias", torch.ones(64, dtype=torch.int8)), "bn1.bias is torch.int8"),
    "a sparse tensor": (
        changed("layer1.0.conv1.weight", torch.ones(64, 64, 3, 3).to_sparse()),
        "layer1.0.conv1.weight is torch.float32, torch.sparse_coo",
    ),
    "a missing step": (
        lambda s: without(with_steps(s, 18), "layer2.0.relu1.s"),
        "lacks the learned steps layer2.0.relu1.s",
    ),
    "a step of 0": (lambda s: with_steps(s, 18) | {"relu.s": torch.tensor(0.0)}, "not one positive number: relu.s"),
    "a step by channel": (lambda s: with_steps(s, 18) | {"relu.s": torch.ones(64)}, "not one positive number: relu.s"),
}


@pytest.mark.parametrize("case", MISFITS)
def test_weights_that_do_not_fit_are_refused_by_their_keys(case: str, tmp_path: Path) -> None:
    change, said = MISFITS[case]
    message = refusal(saved(change(state_dict(18)), tmp_path / "weights.pth"))
    assert re.search(said, message), message


@pytest.mark.parametrize("level", [2, 1000, "16"])
def test_a_level_that_cannot_be_is_refused(level: object, tmp_path: Path) -> None:
    content = training_checkpoint(with_steps(state_dict(18), 18), {"level": level})
    assert "was trained for level" in refusal(saved(content, tmp_path / "weights.pth"))


# ---- from the file to the features ----


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
from vistream.networks.model import load_model

def peak():
    status = Path("/proc/self/status")
    return int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]) / 1e3 if status.exists() else 0.0

before = peak()
load_model(sys.argv[1])
print(peak() - before)
"""
    answer = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    return float(answer.stdout)
