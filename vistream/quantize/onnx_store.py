"""Quantised ONNX files in vistream's own folder: the body as an integer network, the tail as a model beside it."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path

from vistream.atomic import replacing
from vistream.errors import VistreamError
from vistream.ir.file import load_network, save_network
from vistream.models.onnx_file import OnnxFile
from vistream.quantize.onnx_network import Crossing, OnnxNetwork
from vistream.quantize.ranges import Preprocess
from vistream.storage.place import cache_folder

log = logging.getLogger("vistream")

MOST_KEPT = 32  # networks: those that were not used for longest give way


def onnx_network_path(key: str) -> Path:
    """Where the body of that name is; what else belongs to it lies beside it."""
    return cache_folder() / "quantised" / f"{key}.safetensors"


def save_onnx_network(onnx: OnnxNetwork, key: str) -> None:
    """Keep it under a name. Where that can't be done it is made again the next time, which the log says."""
    path = onnx_network_path(key)
    crossing = {name: asdict(one) for name, one in onnx.crossing.items()}
    facts = {
        "crossing": crossing,
        "mean": onnx.preprocess.mean,
        "std": onnx.preprocess.std,
        "tail": onnx.tail is not None,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if onnx.tail is not None:
            with replacing(path.with_suffix(".onnx")) as temporary:
                temporary.write_bytes(onnx.tail)
        with replacing(path.with_suffix(".json")) as temporary:
            temporary.write_text(json.dumps(facts), encoding="utf-8", newline="\n")
        save_network(onnx.network, path)  # the last: it is there only where all is
        _make_room(path.parent)
    except (OSError, VistreamError) as error:
        log.info("the quantised network can't be kept: %s", error)


def _make_room(folder: Path) -> None:
    """Remove what was not used for longest."""
    kept = sorted(folder.glob("*.safetensors"), key=lambda path: -path.stat().st_mtime)
    for path in kept[MOST_KEPT:]:
        for suffix in (".safetensors", ".json", ".onnx"):
            path.with_suffix(suffix).unlink(missing_ok=True)


def load_onnx_network(file: OnnxFile, key: str) -> OnnxNetwork | None:
    """What was kept of `file` under that name; None where there is nothing, or it is damaged."""
    path = onnx_network_path(key)
    if not path.is_file():
        return None
    try:
        facts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        crossing = {
            name: Crossing(one["dtype"], tuple(one["shape"]), one["shift"]) for name, one in facts["crossing"].items()
        }
        tail = path.with_suffix(".onnx").read_bytes() if facts["tail"] else None
        preprocess = Preprocess(tuple(facts["mean"]), tuple(facts["std"]))
        path.touch()  # it is in use
        return OnnxNetwork(file, load_network(path), preprocess, crossing, tail)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, VistreamError) as error:
        log.debug("%s: %s", path, error)
        return None
