"""Readers of weights, networks, packages and checkpoints of runs, with small valid files to start from."""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
from pathlib import Path

import numpy as np

from fuzzing.reader import Reader


def _onnx_seeds(folder: Path) -> list[Path]:
    from onnx import TensorProto, helper, save

    picture = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 8, 8])
    scores = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, "n", 8, 8])
    weight = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])
    graph = helper.make_graph([helper.make_node("Relu", ["image"], ["out"])], "g", [picture], [scores], [weight])
    save(helper.make_model(graph), folder / "a.onnx")
    return [folder / "a.onnx"]


def _onnx(path: Path) -> object:
    from vistream.models.onnx_file import read_onnx

    file = read_onnx(path)
    return [file.weight(name) for name in file.weights]


def _checkpoint_seeds(folder: Path) -> list[Path]:
    import argparse

    import torch
    from safetensors.torch import save_file

    state = {"conv1.weight": torch.ones(2, 3, 3, 3), "bn1.bias": torch.zeros(2), "relu.s": torch.tensor(0.5)}
    torch.save({"model": state, "epoch": 3, "args": argparse.Namespace(level=16)}, folder / "a.pth")
    old = io.BytesIO()
    torch.save({"conv1.weight": torch.ones(2, 3, 3, 3)}, old, _use_new_zipfile_serialization=False)
    key = re.compile(rb"X.\0\0\0\d{9,}", re.DOTALL)  # the storage's address, another one in every process
    (folder / "old.pth").write_bytes(key.sub(b"X\x01\0\0\0" + b"1", old.getvalue()))
    save_file(state, folder / "a.safetensors")
    return sorted(folder.iterdir())


def _checkpoint(path: Path) -> object:
    from vistream.models.checkpoint import read_checkpoint

    return [float(weight.double().sum()) for weight in read_checkpoint(path).weights.values()]


def _tfjs_seeds(folder: Path) -> list[Path]:
    shape = {"shape": {"dim": [{"size": "1"}, {"size": "4"}, {"size": "4"}, {"size": "3"}]}}
    nodes = [
        {"name": "input", "op": "Placeholder", "attr": shape},
        {"name": "w", "op": "Const", "attr": {}},
        {"name": "out", "op": "AddV2", "input": ["input", "w"], "attr": {"T": {"type": "DT_FLOAT"}}},
    ]
    weight = {"name": "w", "shape": [3], "dtype": "float32"}
    quantised = {**weight, "quantization": {"dtype": "uint8", "scale": 0.5, "min": -1.0}}
    for name, entry in {"plain": weight, "quantised": quantised}.items():
        model = {
            "signature": {"inputs": {"input": {"name": "input:0"}}, "outputs": {"out": {"name": "out:0"}}},
            "modelTopology": {"node": nodes},
            "weightsManifest": [{"paths": ["model.bin"], "weights": [entry]}],
        }
        (folder / f"{name}.json").write_text(json.dumps(model), encoding="utf-8", newline="\n")
    return sorted(folder.iterdir())


def _tfjs(path: Path) -> object:
    from vistream.models.tfjs import load_tfjs

    (path.parent / "model.bin").write_bytes(bytes(12))
    return load_tfjs(path)


def _npm_seeds(folder: Path) -> list[Path]:
    with (
        gzip.GzipFile(folder / "a.tgz", "w", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        member = tarfile.TarInfo("package/model/a.bin")
        member.size = 5
        tar.addfile(member, io.BytesIO(b"abcde"))
    return [folder / "a.tgz"]


def _npm(path: Path) -> None:
    from vistream.models.npm import take
    from vistream.models.registry import Npm, Weights, WeightsFile

    file = WeightsFile("a.bin", 5, "36bbe50ed96841d10443bcb670d6554f0a34b761be67ec9c4a8ad2c0c44ca42c")
    source = Npm("a", "1", "model", 200)
    take(path, Weights("a", "mot", "MIT", source, (file,)), source)


def _network_seeds(folder: Path) -> list[Path]:
    import torch

    from vistream.ir.file import save_network
    from vistream.ir.network import IntegerNetwork, Output
    from vistream.ir.operations import (
        AveragePool,
        Bilinear,
        Edge,
        Input,
        MatrixProduct,
        MaxPool,
        Neuron,
        Pad,
        PickChannels,
        Synapse,
        Transposed,
        TransposedConvolution,
    )
    from vistream.ir.target import Target
    from vistream.ir.window import Window

    window = Window((3, 3), (2, 2), (1, 1), (1, 1), (1, 1))
    synapse = Synapse("input", torch.ones(2, 3, 3, 3, dtype=torch.int8), torch.full((2,), 0.01), window, 1)
    neuron = Neuron("a", (synapse,), torch.zeros(2), 0, 7, 0.1)
    table = torch.arange(-128, 128).to(torch.int8)
    last = Neuron("g", (Synapse("f", None, torch.full((2,), 0.01)),), torch.zeros(2), table=table)
    layers = (
        Input("input", 3, (124, 116, 104)),
        neuron,
        MaxPool("b", "a", window),
        Bilinear("c", "b", Target(), like="a"),
        AveragePool("d", "a", window, include_padding=False),
        Pad("e", "a", (1, -1), (0, 2), Edge.MIRRORED),
        TransposedConvolution("f", "b", torch.ones(2, 2, 2, 2, dtype=torch.int8), (2, 2)),
        last,
        MatrixProduct("h", "a", "a", 2, Transposed.RIGHT),
        PickChannels("i", "g", (1, 0, 1)),
    )
    outputs = (Output("main", "i", torch.full((3,), 0.1)), Output("other", "c", 0.5))
    path = folder / "a.safetensors"
    save_network(IntegerNetwork(layers, outputs), path)
    while not path.read_bytes()[8:].startswith(b'{"__metadata__":{"format"'):  # safetensors leaves the order to chance
        save_network(IntegerNetwork(layers, outputs), path)
    return [path]


def _network(path: Path) -> object:
    from vistream.ir.file import load_network

    return load_network(path)


def _resume_seeds(folder: Path) -> list[Path]:
    from vistream.pipeline.checkpoint import pack, write_checkpoint
    from vistream.tracking.life import Counts

    value = {"a": [1, 2.5, ("x", None)], 3: {4}, "b": np.arange(6).reshape(2, 3), "c": Counts(1, 2, 3, 4)}
    write_checkpoint(folder / "a.resume", *pack(value))
    return [folder / "a.resume"]


def _resume(path: Path) -> object:
    from vistream.pipeline.checkpoint import load_checkpoint

    return load_checkpoint(path)


def _spike2former_seeds(folder: Path) -> list[Path]:
    """The smallest there can be, of zeros, one with a description and one without."""
    import torch
    from safetensors.torch import save_file

    from vistream.models.spike2former.network import Network
    from vistream.models.spike2former.neuron import Levels
    from vistream.models.spike2former.profile import Profile
    from vistream.models.spike2former.sizes import BackboneSizes, Sizes

    sizes = Sizes(BackboneSizes("sdtv2", (8, 8, 8, 16, 24), (2, 1)), "semantic", 16, 4, 2, 24, 4, 32, 5, 3)
    state = {name: torch.zeros_like(value) for name, value in Network(sizes, Levels(), Levels()).state_dict().items()}
    save_file(state, folder / "described.safetensors", Profile().metadata())
    save_file(state, folder / "bare.safetensors")
    return [folder / "bare.safetensors", folder / "described.safetensors"]


def _spike2former(path: Path) -> object:
    from vistream.models.spike2former.loading import load

    return load(path)


WEIGHTS: dict[str, Reader] = {
    "onnx": Reader(_onnx_seeds, _onnx),
    "checkpoint": Reader(_checkpoint_seeds, _checkpoint),
    "spike2former": Reader(_spike2former_seeds, _spike2former),
    "tfjs": Reader(_tfjs_seeds, _tfjs),
    "npm": Reader(_npm_seeds, _npm),
    "resume": Reader(_resume_seeds, _resume),
    "network": Reader(_network_seeds, _network),
}
