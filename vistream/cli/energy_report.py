"""`vistream energy-report`: what a clip costs, counted six ways and priced three ways."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vistream.cli.config import Config
from vistream.cli.options import (
    AUTO_MODEL,
    DEFAULT_MODEL,
    Debug,
    Model,
    Overwrite,
    Quiet,
    SourceArgument,
    Start,
    Stride,
    flag,
)

SIZE, STEPS = 96, 1024  # of the spiking simulation, where nothing else is asked for


def energy_report(
    source: SourceArgument,
    model: Model = AUTO_MODEL,
    task: Annotated[
        str, typer.Option(help="features: the network that tracking streams; semseg: Spike2Former.")
    ] = "features",
    detector: Annotated[
        str | None,
        typer.Option(help="Count a detector's network instead: nanodet-g, or onnx:FILE.", show_default=False),
    ] = None,
    binary: Annotated[
        bool, flag("--binary", "semseg: prove that binary steps equal integers, on the first frame.")
    ] = False,
    max_frames: Annotated[int, typer.Option(help="How many frames to count; the first is shown apart.", min=1)] = 8,
    size: Annotated[
        int | None,
        typer.Option(
            help="features: shrink frames to this longer side, in pixels: the spiking simulation is slow.",
            min=1,
            show_default=str(SIZE),
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            help="features: time steps that a spiking network may take a frame; it ends when it rests.",
            min=1,
            show_default=str(STEPS),
        ),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write all counts and figures.", show_default=False)] = None,
    csv: Annotated[
        Path | None, typer.Option(help="Write a line for each frame, layer and row.", show_default=False)
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write one page with plots.", show_default=False)] = None,
    overwrite: Overwrite = False,
    start: Start = 0,
    stride: Stride = 1,
    config: Config = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Count the work of a clip and estimate its energy: float, quantised, zero-skipping, spiking twice, and stream.

    Counts come first and are exact; energies are estimates by three stated models, beside their baselines.

    semseg: mean integer and firing rate of each neuron layer, spikes times weights, and the authors' formula beside.
    """
    from vistream.cli.claiming import claimed_outputs
    from vistream.cli.energy_printing import count_and_report
    from vistream.cli.spike_printing import count_and_print
    from vistream.errors import VistreamError
    from vistream.media.video.source import open_source
    from vistream.models.registry import TINY
    from vistream.render.energy_html import ReportPaths

    if task not in ("features", "semseg"):
        raise VistreamError(f"--task {task}: it is features or semseg")
    if detector == "motion":
        raise VistreamError("the detector motion is not streamed: there is nothing to count")
    if detector is not None and (task == "semseg" or model != AUTO_MODEL):
        raise VistreamError("--detector has a network of its own: it goes with no other --task and --model")
    if binary and task != "semseg":
        raise VistreamError("--binary belongs to --task semseg")
    if task == "semseg" and (size is not None or steps is not None):
        raise VistreamError("--size and --steps are of a simulation that --task semseg does not need: leave them out")
    if model == AUTO_MODEL:
        model = TINY if task == "semseg" else DEFAULT_MODEL
    paths = ReportPaths(json, csv, html)
    outputs = {"--json": json, "--csv": csv, "--html": html}
    with (
        claimed_outputs(outputs, overwrite=overwrite, source=source, reads={"--model": model}),
        open_source(source, start=start, stride=stride, max_frames=max_frames) as frames,
    ):
        if task == "semseg":
            count_and_print(frames, model, paths, binary=binary, quiet=quiet)
        else:
            count_and_report(frames, model, detector, size, steps or STEPS, paths, quiet=quiet)
