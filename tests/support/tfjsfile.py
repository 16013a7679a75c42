"""Writes small tfjs graph models, as tensorflowjs_converter lays them out, for tests to read."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Json = dict[str, object]


def encode(value: object) -> Json:
    """A Python value as the AttrValue that tfjs writes."""
    if isinstance(value, bool):
        return {"b": value}
    if isinstance(value, int):
        return {"i": str(value)}
    if isinstance(value, float):
        return {"f": value}
    if isinstance(value, str):
        return {"type": value} if value.startswith("DT_") else {"s": base64.b64encode(value.encode()).decode()}
    assert isinstance(value, list)
    if value and isinstance(value[0], str):
        return {"list": {"s": [base64.b64encode(item.encode()).decode() for item in value]}}
    return {"list": {"i": [str(item) for item in value]}}


@dataclass
class TfjsFile:
    """A model under construction: add constants and operations, then `write`."""

    nodes: list[Json] = field(default_factory=list)
    weights: list[Json] = field(default_factory=list)
    data: bytes = b""
    inputs: Json = field(default_factory=dict)

    def placeholder(self, shape: tuple[int, ...]) -> str:
        dims = {"shape": {"dim": [{"size": str(size)} for size in shape]}}
        self.nodes.append({"name": "input", "op": "Placeholder", "attr": {"shape": dims}})
        self.inputs["input:0"] = {"name": "input:0", "tensorShape": dims["shape"]}
        return "input"

    def constant(self, values: NDArray[np.generic], quantization: Json | None = None) -> str:
        name = f"const{len(self.weights)}"
        entry: Json = {
            "name": name,
            "shape": list(values.shape),
            "dtype": "float32" if quantization else str(values.dtype),
        }
        if quantization:
            entry["quantization"] = quantization
        self.nodes.append({"name": name, "op": "Const", "attr": {}})
        self.weights.append(entry)
        self.data += values.tobytes()
        return name

    def operation(self, op: str, inputs: list[str], **attributes: object) -> str:
        name = f"node{len(self.nodes)}"
        attr = {key: encode(value) for key, value in attributes.items()}
        self.nodes.append({"name": name, "op": op, "input": inputs, "attr": attr})
        return name

    def write(self, folder: Path, outputs: list[str], path: str = "model.bin") -> Path:
        model = {
            "format": "graph-model",
            "signature": {"inputs": self.inputs, "outputs": {name: {"name": name} for name in outputs}},
            "modelTopology": {"node": self.nodes},
            "weightsManifest": [{"paths": [path], "weights": self.weights}],
        }
        (folder / "model.bin").write_bytes(self.data)
        (folder / "model.json").write_text(json.dumps(model))
        return folder / "model.json"
