"""`vistream train`: train a network that segments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vistream.cli.options import Debug, Overwrite, Quiet, flag


def train(
    config: Annotated[
        str, typer.Argument(metavar="CONFIG", help="A YAML file, or a configuration's name: tiny, ade20k, ...")
    ],
    task: Annotated[
        str | None, typer.Option(help="semseg or panoptic, as the configuration has it.", show_default=False)
    ] = None,
    data: Annotated[Path, typer.Option(help="The folder that the configuration's paths lie under.")] = Path(),
    output: Annotated[Path, typer.Option(help="Folder for weights, state and log.")] = Path("runs/train"),
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    weights: Annotated[
        str | None, typer.Option(help="Fine-tune this network: a name or a file.", show_default=False)
    ] = None,
    backbone: Annotated[
        Path | None, typer.Option(help="Start from this backbone of ImageNet's.", show_default=False)
    ] = None,
    resume: Annotated[bool, flag("--resume", "Go on where the run in --output stopped.")] = False,
    iterations: Annotated[
        int | None, typer.Option(help="Instead of the configuration's.", min=1, show_default=False)
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes that prepare pictures, instead of the configuration's.", min=0, show_default=False
        ),
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a network that segments, on labelled pictures. Several processes: torchrun -m vistream train ..."""
    from vistream.cli.training import Changes, run_training
    from vistream.train.run import Start

    start = Start(backbone, weights, resume)
    run_training(
        config, task, data, output, device, start, Changes(iterations, workers), overwrite=overwrite, quiet=quiet
    )
