"""`vistream serve`: watch sources being tracked, in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from vistream.cli.config import Config
from vistream.cli.options import (
    AUTO_MODEL,
    Bits,
    Deadband,
    Debug,
    Fidelity,
    Hysteresis,
    Lines,
    Model,
    Offline,
    Quiet,
    Scale,
    Stride,
    StyleText,
    Zones,
    flag,
    names_in,
)

TASK_HELP = (
    "mot (boxes), pose (skeletons), semseg (the class of every pixel), panoptic (classes and things); "
    "vos or sot: click on objects in a file."
)


def serve(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE", help="Videos, camera indices, RTSP or HTTP addresses, folders of images."),
    ],
    task: Annotated[str, typer.Option(help=TASK_HELP)] = "mot",
    detector: Annotated[str, typer.Option(help="Where boxes come from, as for vistream track.")] = "auto",
    host: Annotated[str, typer.Option(help="Address to bind to. Any but this machine's own asks for a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port of the page; 0: any free one.", min=0, max=65535)] = 8420,
    loop: Annotated[bool, flag("--loop", "Files begin again at their end.")] = False,
    model: Model = AUTO_MODEL,
    fidelity: Fidelity = "exact",
    deadband: Deadband = None,
    hysteresis: Hysteresis = None,
    bits: Bits = 8,
    stride: Stride = 1,
    classes: Annotated[str, typer.Option(help="Only these, by name: person,car.", show_default=False)] = "",
    line: Lines = None,
    zone: Zones = None,
    scale: Scale = None,
    style: StyleText = "",
    offline: Offline = False,
    config: Config = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Track sources and show them on a local web page: pictures, activity, frames a second, lag, tracks, work.

    Ctrl-C ends it. It needs the extra named serve: docs/installing.md says how.
    """
    from vistream.cli.serving import serve_sources
    from vistream.models.download import forbid_transfers
    from vistream.pipeline.settings import Settings
    from vistream.render.style import read_style

    if offline:
        forbid_transfers()
    settings = Settings(
        task=task,
        model=model,
        detector=detector,
        fidelity=fidelity,
        deadband=deadband,
        hysteresis=hysteresis,
        bits=bits,
        stride=stride,
        classes=names_in(classes),
        lines=tuple(line or ()),
        zones=tuple(zone or ()),
        scale=scale,
        style=read_style(style),
    )
    serve_sources(sources, settings, host, port, loop=loop)
