"""`vistream track`: follow what moves through a video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vistream.cli.options import (
    DEFAULT_MODEL,
    Deadband,
    Debug,
    Fidelity,
    Hysteresis,
    MaxFrames,
    Model,
    Quiet,
    SourceArgument,
    Start,
    Stride,
)

OUTPUT_HELP = "The annotated video (.mp4). If no output at all is asked for: SOURCE-tracks.mp4 in this folder."


def track(
    source: SourceArgument,
    task: Annotated[str, typer.Option(help="What to track: mot (boxes).")] = "mot",
    detections: Annotated[
        Path | None, typer.Option(help="Detections made beforehand, as MOT text.", show_default=False)
    ] = None,
    detector: Annotated[
        str, typer.Option(help="auto (the best one here), motion, yolox-s, nanodet-plus-m, nanodet-g, or onnx:FILE.")
    ] = "auto",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help=OUTPUT_HELP, show_default=False),
    ] = None,
    mot_txt: Annotated[Path | None, typer.Option(help="Write tracks as MOT text.", show_default=False)] = None,
    jsonl: Annotated[Path | None, typer.Option(help="Write a line of JSON a frame.", show_default=False)] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a row a track and frame.", show_default=False)] = None,
    model: Model = DEFAULT_MODEL,
    fidelity: Fidelity = "exact",
    deadband: Deadband = None,
    hysteresis: Hysteresis = None,
    start: Start = 0,
    max_frames: MaxFrames = None,
    stride: Stride = 1,
    classes: Annotated[str, typer.Option(help="Only these, by name: person,car.", show_default=False)] = "",
    show: Annotated[bool, typer.Option("--show", help="Show the annotated video in a window; q ends it.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Track the objects of a video and write what was found.

    Only what changed since the last frame is computed; with --fidelity exact the result equals that of the whole frame,
    bit for bit (see vistream verify).
    """
    from vistream.cli.tracking import run_and_report
    from vistream.render.outputs import OutputPaths
    from vistream.tasks.run import Settings

    names = tuple(name.strip() for name in classes.split(",") if name.strip())
    settings = Settings(
        task, model, detections, detector, fidelity, deadband, hysteresis, start, stride, max_frames, names
    )
    run_and_report(source, settings, OutputPaths(output, mot_txt, jsonl, csv), show=show, quiet=quiet)
