"""The memory of a run as a file: what `--resume` goes on from. Numbers, texts and arrays; nothing in it is executed.

A file is a NumPy archive: its member `tree` is JSON, the others are the arrays that the JSON refers to. Objects are
stored as their class's name and attributes; on reading, only the classes of `_classes` are made, and nothing is called.
"""

from __future__ import annotations

import json
import zipfile
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.atomic import replacing
from vistream.errors import VistreamError

FORMAT = "vistream checkpoint 9"
Arrays = dict[str, NDArray[Any]]


@cache
def _classes() -> dict[str, type]:
    """What the states of sessions are made of, beside plain data, and the detectors that remember their video."""
    from vistream import types
    from vistream.detect import background, box_masks, camera, motion, ownership, regions, streaming
    from vistream.pipeline import detections
    from vistream.tracking import (
        correlation,
        counting,
        entering,
        kalman,
        life,
        likelihood,
        movement,
        noise,
        places,
        presence,
        propagation,
        recovery,
        sizes,
        sot_target,
        speed,
        template,
    )

    known = (
        *(life.Life, life.Counts, life.Stage, kalman.Belief, noise.Recent, propagation._Source),
        *(sizes.Size, sizes.Length),
        *(sot_target.SotTarget, presence.Presence, recovery.Recovery),
        *(correlation.CorrelationFilter, correlation.CrossCorrelation),
        *(template.Template, movement.Movement, movement._Past, likelihood.ColourLikelihood, entering.Side),
        *(counting.Counter, counting.Whereabouts, places.Place, speed.Speedometer),
        *(motion.MotionDetector, background.Background, camera.CameraWatch, regions.Region),
        *(box_masks.MaskMemory, ownership.Owned),
        *(detections.Detected, types.Observations, types.Work, types.LayerWork, streaming.SharedFeatures),
    )
    return {kind.__name__: kind for kind in known}


def checkpoint_path(jsonl: Path) -> Path:
    """The checkpoint of a run, beside its JSON lines.

    >>> checkpoint_path(Path("out/a.jsonl")).name
    'a.resume'
    """
    return jsonl.with_suffix(".resume")


def known(value: object) -> bool:
    """Whether an object is of a class that can be stored: of detectors, those that remember anything."""
    return type(value) in _classes().values()


def write_checkpoint(path: Path, tree: str, arrays: Arrays) -> None:
    """Write what `pack` made. Raises VistreamError where that can't be done."""
    members: dict[str, Any] = {"tree": np.frombuffer(tree.encode(), np.uint8), **arrays}
    try:
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **members)
    except OSError as error:
        raise VistreamError(f"{path} can't be written: {error.strerror}") from None


def pack(value: object) -> tuple[str, Arrays]:
    """A copy of `value` as it is now, JSON and arrays: of plain data, arrays, and objects that are `known`."""
    arrays: Arrays = {}
    seen: dict[int, str] = {}
    tree = _packed(value, arrays, seen)
    return json.dumps({"format": FORMAT, "value": tree}), arrays


def load_checkpoint(path: Path) -> Any:  # Any: whatever was saved
    """Read what `write_checkpoint` wrote; raises VistreamError for anything else."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > path.stat().st_size:
                raise ValueError("it is packed")  # ours never are
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        whole = json.loads(arrays.pop("tree").tobytes())
        if whole["format"] != FORMAT:
            raise ValueError(f"it is a {whole['format']}")
        return _unpacked(whole["value"], arrays)
    except FileNotFoundError:
        raise VistreamError(f"{path} does not exist") from None
    except Exception as error:  # a damaged archive fails in any way it likes
        reason = (str(error).splitlines() or [""])[0][:120] or type(error).__name__
        raise VistreamError(f"{path} can't be resumed from ({reason}): begin anew, without --resume") from None


def _packed(value: Any, arrays: Arrays, seen: dict[int, str]) -> Any:
    """JSON of one value; every container is a pair of its kind and content, so that nothing is ambiguous."""

    def pack_each(items: Any) -> list[Any]:
        return [_packed(item, arrays, seen) for item in items]

    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.ndarray | np.generic):
        if id(value) not in seen:  # what two places share stays shared
            seen[id(value)] = f"a{len(arrays)}"
            arrays[seen[id(value)]] = np.array(value)
        return ["array" if isinstance(value, np.ndarray) else "number", seen[id(value)]]
    if isinstance(value, Enum):
        return ["enum", [type(value).__name__, value.name]]
    if isinstance(value, deque):
        return ["deque", [value.maxlen, pack_each(value)]]
    if isinstance(value, Mapping):
        return ["dict", [pack_each(pair) for pair in value.items()]]
    for kind, name in ((tuple, "tuple"), (list, "list"), (set, "set")):
        if isinstance(value, kind):
            return [name, pack_each(value)]
    if not known(value):
        raise TypeError(f"a {type(value).__name__} can't be kept in a checkpoint")
    attributes = {name: _packed(part, arrays, seen) for name, part in _attributes(value).items()}
    return ["object", [type(value).__name__, attributes]]


def _attributes(value: object) -> dict[str, object]:
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return vars(value)


def _unpacked(tree: Any, arrays: Arrays) -> Any:
    if not isinstance(tree, list):
        return tree
    kind, content = tree
    if kind in ("enum", "object"):
        made = _classes()[content[0]]
        return made[content[1]] if kind == "enum" else _made(made, content[1], arrays)  # type: ignore[index]  # an Enum
    make: dict[str, Callable[[], Any]] = {
        "array": lambda: arrays[content],
        "number": lambda: arrays[content][()],
        "deque": lambda: deque((_unpacked(item, arrays) for item in content[1]), maxlen=content[0]),
        "dict": lambda: {_unpacked(key, arrays): _unpacked(item, arrays) for key, item in content},
        "tuple": lambda: tuple(_unpacked(item, arrays) for item in content),
        "list": lambda: [_unpacked(item, arrays) for item in content],
        "set": lambda: {_unpacked(item, arrays) for item in content},
    }
    return make[kind]()


def _made(kind: type, attributes: dict[str, Any], arrays: Arrays) -> object:
    value: object = object.__new__(kind)
    for name, part in attributes.items():
        object.__setattr__(value, name, _unpacked(part, arrays))
    return value
