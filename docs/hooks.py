"""What MkDocs runs beside its plugins: the page of the command line, made from the program's own help."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from typer.cli import get_docs_for_click

from vistream.cli.main import app

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add `cli.md`."""
    from mkdocs.structure.files import File

    command = typer.main.get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="vistream", title="Command line")
    files.append(File.generated(config, "cli.md", content=text))
    return files
