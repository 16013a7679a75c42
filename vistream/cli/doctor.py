"""`vistream doctor`: does it work on this machine, and how well."""

from __future__ import annotations

import json as jsonlib
from typing import Annotated

import typer

from vistream.cli.config import Config
from vistream.cli.options import Debug, Quiet, flag


def doctor(
    json: Annotated[bool, flag("--json", "Print JSON.")] = False,
    config: Config = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Try each part of vistream on this machine: versions, processor, kernels, codecs, weights; advice for each.

    Nothing is downloaded.

    Exit code 1: something is broken.
    """
    from rich.text import Text

    from vistream.cli.console import PlainConsole, printable
    from vistream.doctor import State, examine

    console = PlainConsole(quiet=quiet or json, soft_wrap=True)
    colours = {State.OK: "green", State.WEAKER: "yellow", State.BROKEN: "red"}
    done = []
    for check in examine():
        done.append(check)
        state = check.state
        head = ((f"{state.value:>6}", colours[state]), "  ", (check.name, "bold"))
        console.print(Text.assemble(*head, f": {printable(check.finding)}"))
        console.print(f"        {check.advice}", style="dim")
    if json:
        entries = [{"name": c.name, "state": c.state.value, "finding": c.finding, "advice": c.advice} for c in done]
        typer.echo(jsonlib.dumps(entries, indent=2))
    if any(check.state is State.BROKEN for check in done):
        raise typer.Exit(1)
