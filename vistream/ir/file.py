"""One safetensors file holds a calibrated integer network: tensors, and the structure as JSON in its metadata."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vistream.atomic import replacing
from vistream.errors import VistreamError
from vistream.ir.layers import (
    Concat,
    Input,
    IntegerNetwork,
    Layer,
    MaxPool,
    Neuron,
    Synapse,
    Upsample,
)
from vistream.ir.window import Pair, Window

FORMAT = "vistream integer network 1"


def save_network(network: IntegerNetwork, path: Path) -> None:
    """Write `network` to `path`; raises VistreamError where it can't be written."""
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    layers = [_describe(layer, tensors) for layer in network.layers]
    structure = {"layers": layers, "scale": network.scale, "channels": network.channels}
    with replacing(path) as temporary:
        save_file(tensors, str(temporary), {"format": FORMAT, "structure": json.dumps(structure)})


def load_network(path: Path) -> IntegerNetwork:
    """Read what `save_network` wrote; raises VistreamError naming the file and what is wrong with it."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise VistreamError(f"{path}: there is no such file")
    try:
        with safe_open(str(path), "pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  (no mapping)
    except (SafetensorError, OSError) as error:
        raise VistreamError(f"{path}: is no safetensors file ({error})") from None
    if metadata.get("format") != FORMAT:
        raise VistreamError(f"{path}: is a safetensors file, but holds no integer network of this program")
    try:
        structure = json.loads(metadata["structure"])
        layers = tuple(_restore(entry, tensors) for entry in structure["layers"])
        network = IntegerNetwork(layers, float(structure["scale"]), structure["channels"])
        _check(network)
    except (KeyError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise VistreamError(f"{path}: is damaged ({error}); make it again with vistream calibrate") from None
    return network


def _describe(layer: Layer, tensors: dict[str, Tensor]) -> dict[str, Any]:
    kind = type(layer).__name__
    if not isinstance(layer, Neuron):
        return {"kind": kind, **asdict(layer)}
    tensors[f"{layer.name}.bias"] = layer.bias
    synapses = []
    for i, synapse in enumerate(layer.synapses):
        tensors[f"{layer.name}.{i}.multiplier"] = synapse.multiplier.contiguous()
        if synapse.weight is not None:
            tensors[f"{layer.name}.{i}.weight"] = synapse.weight.contiguous()
        window = None if synapse.window is None else asdict(synapse.window)
        synapses.append({"source": synapse.source, "window": window, "groups": synapse.groups})
    plain = {"name": layer.name, "lo": layer.lo, "hi": layer.hi, "scale": layer.scale}
    return {"kind": kind, **plain, "synapses": synapses}


def _restore(entry: dict[str, Any], tensors: dict[str, Tensor]) -> Layer:
    kind, name = entry.pop("kind"), entry["name"]
    if kind == "Neuron":
        synapses = tuple(
            Synapse(
                item["source"],
                tensors.get(f"{name}.{i}.weight"),
                tensors[f"{name}.{i}.multiplier"],
                None if item["window"] is None else _window(item["window"]),
                int(item["groups"]),
            )
            for i, item in enumerate(entry["synapses"])
        )
        scale = float(entry["scale"])
        return Neuron(name, synapses, tensors[f"{name}.bias"], int(entry["lo"]), int(entry["hi"]), scale)
    if kind == "MaxPool":
        return MaxPool(name, entry["source"], _window(entry["window"]))
    if kind == "Upsample":
        return Upsample(name, entry["source"], (int(entry["factor"][0]), int(entry["factor"][1])))
    if kind == "Concat":
        return Concat(name, tuple(entry["sources"]))
    if kind == "Input":
        return Input(name, int(entry["channels"]))
    raise ValueError(f"a layer of the unknown kind {kind!r}")


def _window(entry: dict[str, Any]) -> Window:
    kernel, stride, dilation = (_pair(entry[key]) for key in ("kernel", "stride", "dilation"))
    padding, after = (None if entry[key] is None else _pair(entry[key]) for key in ("padding", "after"))
    return Window(kernel, stride, dilation, padding, after)


def _pair(value: list[int]) -> Pair:
    first, second = value
    return int(first), int(second)


def _check(network: IntegerNetwork) -> None:
    """Raise ValueError unless every layer reads earlier ones and its tensors fit."""
    seen: dict[str, int] = {}
    for position, layer in enumerate(network.layers):
        if isinstance(layer, Input) != (position == 0):
            raise ValueError("the input is not the first layer")
        if not isinstance(layer, Input):
            missing = [source for source in layer.sources if source not in seen]
            if missing:
                raise ValueError(f"layer {layer.name} reads {missing[0]}, which does not come before it")
        if isinstance(layer, Neuron):
            _check_neuron(layer, seen)
        seen[layer.name] = network.channels[layer.name]


def _check_neuron(layer: Neuron, channels: dict[str, int]) -> None:
    outputs = len(layer.bias)
    if not -128 <= layer.lo <= 0 <= layer.hi <= 127:
        raise ValueError(f"layer {layer.name} has levels {layer.lo}..{layer.hi}")
    if not bool(torch.isfinite(layer.bias).all()):
        raise ValueError(f"layer {layer.name} has a bias that is not finite")
    for synapse in layer.synapses:
        weight = synapse.weight
        inputs = outputs if weight is None else weight.shape[1] * synapse.groups
        if (
            len(synapse.multiplier) != outputs
            or not bool(torch.isfinite(synapse.multiplier).all())
            or (weight is not None and (weight.dtype != torch.int8 or weight.dim() != 4 or len(weight) != outputs))
            or inputs != channels[synapse.source]
        ):
            raise ValueError(f"layer {layer.name} does not fit its source {synapse.source}")
