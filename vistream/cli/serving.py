"""What `vistream serve` checks before it starts, and says when it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import typer

from vistream.errors import VistreamError
from vistream.media.formats.detections.footage import NOTHING_KNOWN
from vistream.pipeline.blurring import check_blur
from vistream.pipeline.observe import FOLLOWING, make_observer, resolved_detector
from vistream.pipeline.options import check_options, option_of
from vistream.pipeline.session import Session
from vistream.pipeline.settings import Settings
from vistream.pipeline.tasks import AUTO, check_fidelity
from vistream.segment.network import TASKS as SEGMENTING
from vistream.segment.network import check_bits
from vistream.tracking.life import UNKNOWN_FPS
from vistream.tracking.places import read_places
from vistream.tracking.speed import read_scale

OF_DESK = {"task", "model", "fidelity", "deadband", "hysteresis"}
"""The settings that mean something where objects are clicked."""
TASKS = ("mot", "pose", *SEGMENTING)


def serve_sources(sources: Sequence[str], settings: Settings, host: str, port: int, *, loop: bool) -> None:
    """Serve until Ctrl-C. Raises VistreamError for what can't work, before anything starts."""
    try:
        from vistream.engine.stream.choose_backend import backend_class
        from vistream.serve.desk import Desk
        from vistream.serve.server import serve, serve_desk
        from vistream.serve.tile import Tile, titles_of
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn"):
            raise
        raise VistreamError(f"serve needs {error.name}: pip install starlette uvicorn") from None
    known = (*TASKS, *FOLLOWING)
    if settings.task not in known:
        raise VistreamError(f"serve shows the tasks {', '.join(known)}, not {settings.task}")
    check_fidelity(settings.task, settings.fidelity, settings.deadband, settings.hysteresis)
    check_bits(settings.task, settings.bits, settings.fidelity)
    check_options(settings.task, settings.changed)
    if settings.task in FOLLOWING:
        _check_desk(settings, loop)
        if len(sources) != 1:
            raise VistreamError(f"the task {settings.task} takes one file, in which objects are clicked")
        desk = Desk(sources[0], settings)
        serve_desk(desk, host, port, lambda address: typer.echo(f"click at {address} (Ctrl-C ends it)"))
        return
    settings = replace(settings, detector=resolved_detector(settings.task, settings.detector, made=False))
    _check_for_all(settings)
    backend_class()  # compiles the kernels, if need be, before threads ask for them and Ctrl-C finds them at it
    titles = titles_of(sources)
    tiles = [Tile(source, settings, loop=loop, title=title) for source, title in zip(sources, titles, strict=True)]
    serve(tiles, host, port, lambda address: typer.echo(f"look at {address} (Ctrl-C ends it)"))


def _check_desk(settings: Settings, loop: bool) -> None:
    """Raise VistreamError for what means nothing where objects are clicked, and followed through a whole file."""
    vain = sorted(settings.changed - OF_DESK) or (["loop"] if loop else [])
    if vain:
        raise VistreamError(
            f"{option_of(vain[0])} means nothing where objects are clicked, with the task {settings.task}"
        )


def _check_for_all(settings: Settings) -> None:
    """Raise VistreamError for what every source would fail with, only after the page is shown."""
    read_places(settings.lines, settings.zones)
    if settings.scale is not None:
        read_scale(settings.scale)
    observer = make_observer(settings.task, None, settings.detector, settings.classes, UNKNOWN_FPS, NOTHING_KNOWN)
    check_blur(settings.style.blur, observer, settings.task, classes=settings.classes)
    if settings.model != AUTO:
        Session(settings.task, settings.fidelity, settings.model, bits=settings.bits)
