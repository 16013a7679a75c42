"""`--model NAME|FILE`, all the way to the integer network.

A name, or a file of float weights, goes through calibration; a `.safetensors` file that `vistream calibrate` wrote is
the integer network itself.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from vistream.errors import VistreamError
from vistream.ir.file import load_network
from vistream.ir.network import IntegerNetwork
from vistream.models.model import Cut, LoadedModel, load_model
from vistream.quantize.convert import convert
from vistream.quantize.ranges import Preprocess, Ranges, load_ranges
from vistream.quantize.scales import Levels
from vistream.quantize.trace import trace

log = logging.getLogger("vistream")

DEFAULT_MODEL = "efficientnet-lite0"


@dataclass(frozen=True, slots=True, eq=False)
class NamedNetwork:
    """An integer network, what it is called, and the SHA-256 of the weights that it came from."""

    name: str
    network: IntegerNetwork
    sha256: str


def named_network(spec: str = DEFAULT_MODEL, calibration: Path | None = None, cut: Cut = Cut.USUAL) -> NamedNetwork:
    """The integer network of a name or file; `calibration`: ranges written by `vistream calibrate`, as JSON.

    `cut`: see `load_model`; an integer network in a file stays as it is.
    Raises VistreamError where there is no such model, or no calibration for it.
    """
    if is_integer_network(Path(spec)):
        if calibration is not None:
            raise VistreamError(f"{spec} is calibrated already: leave the calibration out")
        from vistream.models.store import sha256

        return NamedNetwork(Path(spec).stem, load_network(Path(spec)), sha256(Path(spec)))
    model = load_model(spec, cut)
    for note in model.notes:
        log.info("%s: %s", model.name, note)
    ranges = load_ranges(calibration) if calibration is not None else shipped_ranges(model.name)
    if ranges is None and model.scales is None:
        raise VistreamError(
            f"{spec} has not been calibrated: run vistream calibrate VIDEO --model {spec} --output "
            f"{model.name}.safetensors, then give that file as the model"
        )
    program = trace(model.module)
    network = convert(program, ranges or {}, preprocess_of(model), Levels(*model.levels), model.scales)
    return NamedNetwork(model.name, network, model.sha256)


def preprocess_of(model: LoadedModel) -> Preprocess:
    """What the float network expects of its pixels."""
    return Preprocess(model.mean, model.std)


def shipped_ranges(name: str) -> Ranges | None:
    """The calibration that comes with the program, or None."""
    resource = resources.files("vistream.quantize") / f"{name}.json"
    with resources.as_file(resource) as path:
        return load_ranges(path) if path.is_file() else None


def is_integer_network(path: Path) -> bool:
    """Whether the file's own header says so; plain weights may be safetensors too."""
    if path.suffix != ".safetensors":
        return False
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise VistreamError(f"{path}: there is no such file")
    try:
        with safe_open(str(path), "pt") as file:
            return "structure" in (file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise VistreamError(f"{path}: is no safetensors file ({error})") from None
