"""`vistream calibrate`: the ranges of a network's activations, seen on a video."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vistream.cli.config import Config
from vistream.cli.options import DEFAULT_MODEL, Debug, Model, Overwrite, Quiet, SourceArgument, Start
from vistream.errors import VistreamError

if TYPE_CHECKING:
    from vistream.ir.network import IntegerNetwork
    from vistream.quantize.scales import Weights
    from vistream.types import Frame

INT8 = "int8"  # as quantize.scales has it, which takes seconds to import


def calibrate(
    source: SourceArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="FILE.safetensors: the integer network; FILE.json: its ranges only.")
    ],
    model: Model = DEFAULT_MODEL,
    frames: Annotated[int, typer.Option(help="How many frames to look at, evenly spread.", min=1)] = 32,
    start: Start = 0,
    mean: Annotated[
        str | None,
        typer.Option(help="Of an ONNX file: what its pixels are less by, grey levels.", show_default="ImageNet's"),
    ] = None,
    std: Annotated[
        str | None, typer.Option(help="And what they are divided by: 255 for pixels 0..1.", show_default="ImageNet's")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(help="int8, or int16: closer to the float network's, for twice the work.", show_default=INT8),
    ] = None,
    config: Config = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Quantise a network on frames of a video and save it, for --model FILE.safetensors."""
    if output.suffix not in (".safetensors", ".json"):
        raise VistreamError(f"{output}: a calibration is written as .safetensors (the network) or .json (its ranges)")
    of_file = Path(model).suffix == ".onnx"
    if of_file and output.suffix == ".json":
        raise VistreamError(f"{output}: of an ONNX file the network is written: give a .safetensors")
    if not of_file and (mean is not None or std is not None):
        raise VistreamError(f"--mean and --std are for an ONNX file: {model} says itself what its pixels are")
    if output.suffix == ".json" and weights is not None:
        raise VistreamError(f"{output}: ranges hold no weights: leave --weights out, or give a .safetensors")
    from vistream.cli.claiming import claimed_outputs
    from vistream.engine.conversion import calibrated_weights
    from vistream.ir.file import save_network
    from vistream.media.video.fit import fit
    from vistream.media.video.spread import spread_frames
    from vistream.quantize.ranges import save_ranges
    from vistream.quantize.scales import weights_called

    kind, cosines = weights_called(weights or INT8), ""
    with claimed_outputs({"--output": output}, overwrite=overwrite, source=source, reads={"--model": model}):
        images = (fit(frame.image) for frame in spread_frames(source, frames, start))
        if of_file:
            network = _of_file(Path(model), images, mean, std, kind)
        else:
            found = calibrated_weights(model, images, kind)
            network = found.network
            each = ", ".join(f"{cosine:.4f} with {one.value}" for one, cosine in found.cosines.items())
            cosines = f"; cosine of its features with those of float weights: {each}"
        if output.suffix == ".json":
            save_ranges(found.ranges, output)
        else:
            save_network(network, output)
    if not quiet:
        typer.echo(f"{output}: {len(network.neurons)} layers calibrated{cosines}")


def _of_file(
    path: Path, images: Iterator[Frame], mean: str | None, std: str | None, weights: Weights
) -> IntegerNetwork:
    """The body of an ONNX file, calibrated on images that are scaled to its size where it has one."""
    from vistream.detect.letterbox import stretch
    from vistream.engine.conversion import converted_file
    from vistream.models.onnx_file import read_onnx
    from vistream.quantize.onnx_module import image_of

    rows, columns = (image_of(read_onnx(path)).shape or (1, 3, -1, -1))[2:]
    first = next(images)
    size = (columns if columns > 0 else first.shape[1], rows if rows > 0 else first.shape[0])
    scaled = (stretch(image, *size)[0] for image in chain([first], images))
    numbers = _numbers("--mean", mean), _numbers("--std", std)
    return converted_file(path, scaled, *numbers, weights=weights).network


def _numbers(option: str, text: str | None) -> list[float] | None:
    try:
        return None if text is None else [float(number) for number in text.split(",")]
    except ValueError:
        raise VistreamError(f"{option} is {text!r}: it must be numbers in grey levels, one or R,G,B") from None
