"""The command `vistream`: what it knows is in the modules beside this one, one a command."""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import sys
import threading
from typing import Annotated

import typer

from vistream.addresses import without_secrets
from vistream.cli.annotate import annotate
from vistream.cli.bench import bench
from vistream.cli.calibrate import calibrate
from vistream.cli.config import config
from vistream.cli.doctor import doctor
from vistream.cli.download_weights import download_weights
from vistream.cli.energy_report import energy_report
from vistream.cli.evaluate import evaluate
from vistream.cli.options import Command, Group, flag
from vistream.cli.process_title import hide_secrets
from vistream.cli.serve import serve
from vistream.cli.track import track
from vistream.cli.train import train
from vistream.cli.verify import verify
from vistream.errors import told
from vistream.threads import keep_threads_calm

app = typer.Typer(
    name="vistream",
    cls=Group,
    help="Track objects through video, computing only what changed since the last frame.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for command in (
    *(track, verify, bench, train, calibrate, download_weights, energy_report, serve, annotate, doctor, config),
):
    app.command(command.__name__.replace("_", "-"), cls=Command)(command)
app.command("eval", cls=Command)(evaluate)


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
        from vistream.cli.console import printable

        text = printable(without_secrets(record.getMessage()))
        return text if record.levelno == logging.INFO else f"{record.levelname.lower()}: {text}"


def run() -> None:
    """Run the command line: a user's mistake ends in one line and exit code 2, Ctrl-C in 130.

    `--debug`, anywhere, shows the traceback instead.
    """
    keep_threads_calm()
    logger = logging.getLogger("vistream")
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine())
    logger.handlers = [handler]
    logger.setLevel(logging.WARNING if "--quiet" in sys.argv else logging.INFO)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal's encoding lacks is no failure
            stream.reconfigure(errors="backslashreplace")
    hide_secrets(sys.argv)
    threading.excepthook = _end_of_a_thread
    try:
        app()
    except Exception as error:
        line = _unwritten(error) or told(error)
        if line is None or "--debug" in sys.argv:
            raise
        _say(line)
        sys.exit(2)


def _end_of_a_thread(ended: threading.ExceptHookArgs) -> None:
    """Also a thread of a library's, which lacked memory for instance, says why in one line."""
    line = None if ended.exc_value is None or "--debug" in sys.argv else told(ended.exc_value)
    if line is None:
        threading.__excepthook__(ended)
    else:
        _say(line)


def _say(line: str) -> None:
    from vistream.cli.console import printable

    with contextlib.suppress(OSError):  # nobody can be told
        typer.echo(f"error: {printable(without_secrets(line))}", err=True)


def _unwritten(error: Exception) -> str | None:
    """What to say if standard output, and no file, can't be written; nothing more is written to it then."""
    if not isinstance(error, OSError) or error.errno not in (errno.ENOSPC, errno.EIO, errno.EBADF) or error.filename:
        return None
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return f"the output can't be written: {error.strerror}"
