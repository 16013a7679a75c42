"""`vistream calibrate`: the ranges of a network's activations, seen on a video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vistream.cli.options import DEFAULT_MODEL, Debug, Model, Overwrite, Quiet, SourceArgument, Start
from vistream.errors import VistreamError


def calibrate(
    source: SourceArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="FILE.safetensors: the integer network; FILE.json: its ranges only.")
    ],
    model: Model = DEFAULT_MODEL,
    frames: Annotated[int, typer.Option(help="How many frames to look at, evenly spread.", min=1)] = 32,
    start: Start = 0,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Quantise a network on frames of a video and save it, for --model FILE.safetensors."""
    if output.suffix not in (".safetensors", ".json"):
        raise VistreamError(f"{output}: a calibration is written as .safetensors (the network) or .json (its ranges)")
    from vistream.cli.claiming import claimed_outputs
    from vistream.ir.file import save_network
    from vistream.media.video.fit import fit
    from vistream.media.video.spread import spread_frames
    from vistream.quantize.named import calibrated
    from vistream.quantize.ranges import save_ranges

    with claimed_outputs({"--output": output}, overwrite=overwrite, source=source, reads={"--model": model}):
        images = (fit(frame.image) for frame in spread_frames(source, frames, start))
        network, ranges = calibrated(model, images)
        if output.suffix == ".json":
            save_ranges(ranges, output)
        else:
            save_network(network, output)
    if not quiet:
        typer.echo(f"{output}: {len(network.neurons)} layers calibrated")
