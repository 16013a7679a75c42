"""`vistream energy-report`: what a clip costs, counted six ways and priced three ways."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vistream.cli.config import Config
from vistream.cli.options import DEFAULT_MODEL, Debug, Model, Overwrite, Quiet, SourceArgument, Start, Stride


def energy_report(
    source: SourceArgument,
    model: Model = DEFAULT_MODEL,
    max_frames: Annotated[int, typer.Option(help="How many frames to count; the first is shown apart.", min=1)] = 8,
    size: Annotated[
        int,
        typer.Option(help="Shrink frames to this longer side, in pixels: the spiking simulation is slow.", min=1),
    ] = 96,
    steps: Annotated[int, typer.Option(help="Time steps that a spiking network may take a frame.", min=1)] = 32,
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
    """
    from vistream.cli.claiming import claimed_outputs
    from vistream.cli.energy_printing import count_and_report
    from vistream.media.video.source import open_source
    from vistream.render.energy_html import ReportPaths

    paths = ReportPaths(json, csv, html)
    outputs = {"--json": json, "--csv": csv, "--html": html}
    with (
        claimed_outputs(outputs, overwrite=overwrite, source=source, reads={"--model": model}),
        open_source(source, start=start, stride=stride, max_frames=max_frames) as frames,
    ):
        count_and_report(frames, model, size, steps, paths, quiet=quiet)
