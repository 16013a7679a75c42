"""Reading weights files that may come from anywhere: tensors come out, nothing is ever run.

Read are torch files (zip archives and the older plain pickles) and safetensors. A torch file is a pickle, which can
carry code; `weights_only` builds tensors and plain containers alone, and besides them `argparse.Namespace`, in which
training checkpoints keep their arguments. What mmengine's runner writes about a run (loss histories, NumPy numbers)
becomes an empty stand-in, so that nothing of it is called. Archives are mapped, not read: what is not used (the
optimiser's state, say) takes no memory. Which network the weights belong to is for `model.py` to find out.
"""

from __future__ import annotations

import argparse
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from vistream.errors import VistreamError

RUN_RECORDS = (
    "mmengine.logging.history_buffer.HistoryBuffer",
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    "numpy.ndarray",
    "numpy.dtype",
    "builtins.getattr",
    "__builtin__.getattr",
)
"""What pickles of mmengine's runner call besides; none of it is needed for the weights."""

LARGEST_REPEATED = 1 << 30
"""Bytes of a tensor that repeats what the file holds once; no network has such a layer."""
ONNX = "is an ONNX file by its name, and has to be torch's weights; a detector's is given as --detector onnx:FILE"
NESTED = ("model", "state_dict", "model_state_dict")  # where training scripts put the weights


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A file's weights by name. They may be views of the file: copy them before it changes.

    `arguments`: those of the training run, where it kept them; of a safetensors file, its metadata.
    """

    weights: dict[str, Tensor]
    arguments: Mapping[str, object]


class _StandIn:
    """Takes the place of what is not to be built: any arguments, any state, no content."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


def read_checkpoint(path: Path) -> Checkpoint:
    """The weights in the file at `path`; raises VistreamError in one line if it is anything else."""
    if not path.is_file():
        raise VistreamError(f"{path}: there is no such file")
    content = _safetensors(path) if path.suffix == ".safetensors" else _torch_file(path)
    if not isinstance(content, Mapping):
        raise VistreamError(f"{path}: holds a {type(content).__name__}, not weights by name")
    arguments = content.get("args")
    inner = next((content[key] for key in NESTED if isinstance(content.get(key), Mapping)), content)
    named = {name: value for name, value in inner.items() if isinstance(name, str)}  # a pickle's keys may be anything
    weights = {name: value.detach() for name, value in named.items() if isinstance(value, Tensor)}
    for name, value in weights.items():
        if fault := _fault(value):
            raise VistreamError(f"{path}: the tensor {name} {fault}: save plain weights (torch.save of a state_dict)")
    if not weights:
        found = ", ".join(repr(name) for name in list(named)[:3]) or "nothing"
        raise VistreamError(f"{path}: holds no weights (its first entries are {found})")
    known = vars(arguments) if isinstance(arguments, argparse.Namespace) else arguments
    return Checkpoint(weights, known if isinstance(known, Mapping) else {})


def _fault(tensor: Tensor) -> str | None:
    """What keeps a tensor from being plain numbers in this machine's memory, or nearly as many as it says it has."""
    if tensor.is_nested or tensor.layout is not torch.strided:
        return f"is {'nested' if tensor.is_nested else 'sparse'}"
    if tensor.device.type != "cpu":
        return f"holds no numbers (device {tensor.device.type})"
    if tensor.is_quantized:
        return "is quantised by torch"
    if tensor.numel() * tensor.element_size() > max(LARGEST_REPEATED, tensor.untyped_storage().nbytes()):
        return "claims to be far larger than what the file holds of it"
    return None


def _safetensors(path: Path) -> object:
    """In the form of a training checkpoint."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            names = file.keys()
            return {"state_dict": {name: file.get_tensor(name) for name in names}, "args": file.metadata()}
    except (SafetensorError, OSError) as error:
        raise VistreamError(f"{path}: is no safetensors file ({error})") from None


def _torch_file(path: Path) -> object:
    try:
        archive = zipfile.is_zipfile(path)
        if archive:
            _check_archive(path)
        with torch.serialization.safe_globals([argparse.Namespace, *((_StandIn, name) for name in RUN_RECORDS)]):
            return torch.load(path, map_location="cpu", weights_only=True, mmap=archive)
    except VistreamError:
        raise
    except Exception as error:  # a damaged archive or pickle fails in any way it likes
        reason = ONNX if path.suffix == ".onnx" else _reason(error)
        raise VistreamError(f"{path}: {reason}") from None


def _check_archive(path: Path) -> None:
    """Refuse archives that say they hold more than the file is long: torch stores its tensors as they are."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except Exception as error:  # as above
        raise VistreamError(f"{path}: is a damaged archive ({_first_line(error)}): fetch it again") from None
    if any(member.filename.partition("/")[2].startswith("code/") for member in members):
        raise VistreamError(
            f"{path}: is TorchScript, a program: save the weights alone, torch.save(model.state_dict(), PATH)"
        )
    packed = [member.filename for member in members if member.compress_type != zipfile.ZIP_STORED]
    if packed or sum(member.file_size for member in members) > path.stat().st_size:
        raise VistreamError(f"{path}: is an archive, but not one that torch wrote; it was not unpacked")


def _reason(error: Exception) -> str:
    text = str(error)
    if forbidden := re.search(r"GLOBAL (\S+)", text):
        return (
            f"holds more than weights: reading it would call {forbidden[1]}, which was not done; "
            "save the weights alone (torch.save of a state_dict) or take them from a source you trust"
        )
    return f"can't be read as weights ({_first_line(error)}): damaged, cut short, or no torch file"


def _first_line(error: Exception) -> str:
    """What is wrong; the sentences that torch has behind that are of its own options."""
    lines = str(error).splitlines()
    return lines[0].partition(". ")[0][:120] if lines else type(error).__name__
