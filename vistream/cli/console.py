"""Where a command's answer goes: names of files are printed as they are, whatever they hold."""

from __future__ import annotations

import os
import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn
from rich.text import Text


def printable(text: str) -> str:
    r"""`text` without what a terminal would obey: control characters are written as escapes.

    >>> printable("a[bold]" + chr(27) + "[2J.mp4")
    'a[bold]\\x1b[2J.mp4'
    """
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


class PlainConsole(Console):
    """A console that knows no markup, and whose reader may leave (`| head`): no failure, the work is done."""

    def __init__(self, *, stderr: bool = False, quiet: bool = False, **options: Any) -> None:  # Any: as Rich's own
        super().__init__(stderr=stderr, quiet=quiet, markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:  # Any: as Rich's own
        return super().render_str(printable(text), **options)

    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def progress_bar(quiet: bool, *columns: ProgressColumn, console: Console | None = None) -> Progress:
    """On standard error, gone when it is done; `columns` stand behind the bar."""
    first = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    return Progress(*first, *columns, console=console or PlainConsole(stderr=True, quiet=quiet), transient=True)
