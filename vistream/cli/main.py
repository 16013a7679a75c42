"""The command `vistream`: what it knows is in the modules beside this one, one a command."""

from __future__ import annotations

import io
import logging
import sys
from typing import Annotated

import typer

from vistream.cli.bench import bench
from vistream.cli.calibrate import calibrate
from vistream.cli.config import config
from vistream.cli.doctor import doctor
from vistream.cli.download_weights import download_weights
from vistream.cli.energy_report import energy_report
from vistream.cli.evaluate import evaluate
from vistream.cli.options import flag
from vistream.cli.serve import serve
from vistream.cli.track import track
from vistream.cli.verify import verify
from vistream.errors import VistreamError

app = typer.Typer(
    name="vistream",
    help="Track objects through video, computing only what changed since the last frame.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for command in (track, verify, bench, calibrate, download_weights, energy_report, serve, doctor, config):
    app.command(command.__name__.replace("_", "-"))(command)
app.command("eval")(evaluate)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, flag("--version", "Print the version and leave.")] = False,
) -> None:
    if version:
        from importlib import metadata

        typer.echo(f"vistream {metadata.version('vistream')}")
        raise typer.Exit


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return (
            f"{record.levelname.lower()}: {record.getMessage()}"
            if record.levelno != logging.INFO
            else (record.getMessage())
        )


def run() -> None:
    """Run the command line: a user's mistake ends in one line and exit code 2, Ctrl-C in 130.

    `--debug`, anywhere, shows the traceback instead.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal has no letters for is no failure
            stream.reconfigure(errors="backslashreplace")
    logger = logging.getLogger("vistream")
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine())
    logger.handlers = [handler]
    logger.setLevel(logging.WARNING if "--quiet" in sys.argv else logging.INFO)
    try:
        app()
    except VistreamError as error:
        if "--debug" in sys.argv:
            raise
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
