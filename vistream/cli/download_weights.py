"""`vistream download-weights`: list the weights vistream knows, or get one."""

from __future__ import annotations

import json as jsonlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vistream.cli.options import flag

if TYPE_CHECKING:
    from vistream.models.registry import Weights


def download_weights(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="Which weights to get. Without it: list what there is.", show_default=False
        ),
    ] = None,
    json: Annotated[bool, flag("--json", "Print JSON.")] = False,
) -> None:
    """List the trained weights that can be had, or download one of them, once, and check it.

    They are kept in $VISTREAM_HOME, else in ~/.cache/vistream; $XDG_CACHE_HOME is respected.

    What comes from Hugging Face is kept in its own cache: HF_HOME, HF_ENDPOINT, HF_HUB_OFFLINE, HF_TOKEN are respected.
    """
    from vistream.models.download import fetch, located
    from vistream.models.registry import WEIGHTS, known

    if name is not None:
        path = fetch(name)
        typer.echo(jsonlib.dumps(_as_dict(known(name), path), indent=2) if json else path)
        return
    listing = [(weights, located(weights)) for weights in WEIGHTS.values()]
    if json:
        typer.echo(jsonlib.dumps([_as_dict(weights, path) for weights, path in listing], indent=2))
    else:
        _print_table(listing)


def _as_dict(weights: Weights, path: Path | None) -> dict[str, object]:
    return {
        "name": weights.name,
        "task": weights.task,
        "size": weights.size,
        "licence": weights.licence,
        "worth": weights.worth,
        "source": str(weights.source),
        "files": [{"name": file.name, "size": file.size, "sha256": file.sha256} for file in weights.files],
        "present": path is not None,
        "path": None if path is None else str(path),
    }


def _print_table(listing: list[tuple[Weights, Path | None]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from vistream.cli.console import PlainConsole

    table = Table(title="Trained weights", box=SIMPLE_HEAD)
    table.caption = "get one: vistream download-weights NAME; where from, and where it lies: --json"
    table.add_column("name", no_wrap=True)
    table.add_column("here", no_wrap=True)
    table.add_column("size", no_wrap=True, justify="right")
    table.add_column("what for; what it is worth; licence")
    for weights, path in listing:
        what = "; ".join(filter(None, (weights.task, weights.worth, weights.licence)))
        table.add_row(weights.name, "no" if path is None else "yes", f"{weights.size / 1e6:.1f} MB", what)
    PlainConsole().print(table)
