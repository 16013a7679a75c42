"""What `vistream serve` checks before it starts, and says when it has."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from vistream.engine.fidelity import dead_zones
from vistream.errors import VistreamError
from vistream.pipeline.run import Settings

TASKS = ("mot", "pose")


def serve_sources(sources: Sequence[str], settings: Settings, host: str, port: int, *, loop: bool) -> None:
    """Serve until Ctrl-C. Raises VistreamError for what can't work, before anything starts."""
    try:
        from vistream.engine.stream.backend import backend_class
        from vistream.serve.server import serve
        from vistream.serve.tile import Tile
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn"):
            raise
        raise VistreamError(f"serve needs {error.name}: pip install starlette uvicorn") from None
    if settings.task not in TASKS:
        raise VistreamError(f"serve shows the tasks {' and '.join(TASKS)}, not {settings.task}")
    dead_zones(settings.fidelity, settings.deadband, settings.hysteresis)
    backend_class()  # compiles the kernels, if need be, before threads ask for them and Ctrl-C finds them at it
    tiles = [Tile(source, settings, loop=loop) for source in sources]
    serve(tiles, host, port, lambda address: typer.echo(f"look at {address} (Ctrl-C ends it)"))
