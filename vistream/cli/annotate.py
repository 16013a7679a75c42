"""`vistream annotate`: click on objects in a file, have them followed, take the labels home."""

from __future__ import annotations

from typing import Annotated

import typer

from vistream.cli.config import Config
from vistream.cli.options import DEFAULT_MODEL, Debug, Fidelity, Model, Quiet


def annotate(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A video file, folder of images, or glob.")],
    task: Annotated[str, typer.Option(help="vos (masks, by clicks) or sot (a box).")] = "vos",
    host: Annotated[str, typer.Option(help="Address to bind to. Any but this machine's own asks for a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port of the page; 0: any free one.", min=0, max=65535)] = 8420,
    model: Model = DEFAULT_MODEL,
    fidelity: Fidelity = "exact",
    config: Config = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Label a video in the browser: click on an object, track it, correct it in any frame, download the result.

    The same as vistream serve --task vos. Ctrl-C ends it. It needs the extra named serve: docs/installing.md says how.
    """
    from vistream.cli.serving import serve_sources
    from vistream.errors import VistreamError
    from vistream.pipeline.observe import FOLLOWING
    from vistream.pipeline.settings import Settings

    if task not in FOLLOWING:
        raise VistreamError(f"annotate is for the tasks {' and '.join(FOLLOWING)}, not {task}: take vistream serve")
    serve_sources([source], Settings(task=task, model=model, fidelity=fidelity), host, port, loop=False)
