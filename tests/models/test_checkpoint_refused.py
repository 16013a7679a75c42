"""Weights files that must not load: hostile, damaged, or of another network. Each is refused in one line."""

from __future__ import annotations

import argparse
import io
import os
import pickle
import re
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from resnetfiles import State, state_dict, with_steps
from weightsfiles import saved, saved_as_before, training_checkpoint

from vistream.errors import VistreamError
from vistream.models.model import load_model
from vistream.models.spike2former import load


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


def storage_for_a_name(path: Path) -> None:
    """Found by fuzzing: in the older format a name can be a storage, which warns when it is made a text."""
    numbers = torch.ones(3)
    storage = numbers.untyped_storage()
    name = torch.storage.TypedStorage(  # type: ignore[no-untyped-call]  # torch gives it no types
        wrap_storage=storage, dtype=torch.float32, _internal=True
    )
    saved_as_before({name: numbers}, path)


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


def torch_script(path: Path) -> None:
    """As torch.jit.save writes it: its code is compressed."""
    saved(state_dict(18), path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("archive/code/__torch__.py", "class Net(Module):\n  pass\n" * 9, zipfile.ZIP_DEFLATED)


UNREADABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a pickled module": (lambda path: torch.save(torch.nn.Linear(2, 2), path), "more than weights"),
    "zip bomb": (zip_bomb, "not one that torch wrote"),
    "TorchScript": (torch_script, "is TorchScript, a program: save the weights alone"),
    "lying header": (lying_header, "not one that torch wrote"),
    "storage too short": (storage_too_short, "can't be read as weights"),
    "random bytes": (random_bytes, "can't be read as weights"),
    "random archive": (random_archive, "archive|can't be read as weights"),
    "archive cut short": (cut_archive, "can't be read as weights"),
    "pickle cut short": (cut_pickle, "can't be read as weights"),
    "empty": (lambda path: path.write_bytes(b""), "can't be read as weights"),
    "text": (lambda path: path.write_text("<html>404</html>"), r"can't be read as weights \(\w[^.]*\): damaged"),
    "a folder": (lambda path: path.mkdir(), "nor is it a file"),
    "nothing": (lambda path: None, "nor is it a file; the names are efficientnet-lite0, vistream-resnet50"),
    "a list": (lambda path: saved([1, 2], path), "holds a list, not weights by name"),
    "numbers": (
        lambda path: saved({"epoch": 3, "lr": 0.1}, path),
        r"no weights \(its first entries are 'epoch', 'lr'\)",
    ),
    "a storage for a name": (storage_for_a_name, r"no weights \(its first entries are nothing\)"),
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


def test_an_onnx_file_is_no_weights(tmp_path: Path) -> None:
    path = tmp_path / "weights.onnx"
    path.write_bytes(b"\x08\x08")
    assert "is an ONNX file by its name, and has to be torch's weights; a detector's is given as" in refusal(path)


ODD = {
    "meta": lambda: (torch.empty(64, 3, 7, 7, device="meta"), r"holds no numbers \(device meta\)"),
    "nested": lambda: (torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged), "is nested"),
    "nested, old": lambda: (torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "is nested"),
    "sparse": lambda: (torch.ones(64, 3, 7, 7).to_sparse(), "is sparse"),
    "quantised": lambda: (torch.quantize_per_tensor(torch.ones(64, 3, 7, 7), 0.1, 0, torch.qint8), "is quantised"),
    "repeated": lambda: (torch.ones(1).expand(1 << 40), "claims to be far larger"),
}


@pytest.mark.filterwarnings("ignore")  # PyTorch's own, about prototypes
@pytest.mark.parametrize("case", ODD)
def test_tensors_that_are_no_plain_numbers_are_refused(case: str, tmp_path: Path) -> None:
    value, told = ODD[case]()  # type: ignore[no-untyped-call]  # PyTorch's
    message = refusal(saved(state_dict(18) | {"conv1.weight": value}, tmp_path / "odd.pth"))
    assert re.search(rf"the tensor conv1\.weight {told}", message) or "more than weights" in message, message


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
        "the tensor layer1.0.conv1.weight is sparse",
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


@pytest.mark.parametrize(
    ("find", "name", "told"),
    [
        (load_model, "spike2former-tiny", "is for semantic segmentation, .*: here --model takes efficientnet-lite0, "),
        (load_model, "spike2former-voc", "is for semantic segmentation, 21 VOC"),
        (load_model, "nanodet-g", "is for detection, 80 COCO classes, which --detector asks for"),
        (load, "efficientnet-lite0", "is for appearance features .*: here --model takes spike2former-tiny, "),
        (load, "posenet", "is for pose, 17 COCO keypoints, which --detector asks for"),
    ],
)
def test_a_network_for_another_task_is_told_from_none(find: Callable[[str], object], name: str, told: str) -> None:
    with pytest.raises(VistreamError, match=f"{name} {told}"):
        find(name)
