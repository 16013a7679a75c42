"""A table of results: a row a sequence, the combined row, notes; on the screen, as JSON, as CSV.

It knows nothing of the metrics in it.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table as RichTable
from rich.text import Text

from vistream.atomic import replacing
from vistream.errors import VistreamError

Row = Mapping[str, float]

COMBINED = "COMBINED"


@dataclass(frozen=True, slots=True)
class Table:
    """Figures by sequence; all rows have the same columns. A figure without meaning is NaN.

    `combined`: all sequences as one, or None where there is a single one. `headline`: the columns that the
    screen shows; JSON and CSV have all. `notes`: whatever the reader should know, a line each. `details`:
    finer tables. `about`: how the results were made, by name (model, detector and so on), for the foot.

    >>> table = Table("MOT", {"street": {"MOTA": 0.5, "IDSW": 3}}, headline=("MOTA",), notes=("one clip",))
    >>> print(table.csv(), end="")
    sequence,MOTA,IDSW
    street,0.5,3
    """

    title: str
    rows: Mapping[str, Row]
    combined: Row | None = None
    headline: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    details: tuple[Table, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def overall(self) -> Row:
        """The combined row, or the only one."""
        return self.combined if self.combined is not None else next(iter(self.rows.values()))

    def all_rows(self) -> list[tuple[str, Row]]:
        """Every row with its name, the combined one last."""
        combined = [] if self.combined is None else [(COMBINED, self.combined)]
        return [*self.rows.items(), *combined]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; figures without meaning are None."""
        return {
            "title": self.title,
            "rows": {name: _plain(row) for name, row in self.rows.items()},
            "combined": None if self.combined is None else _plain(self.combined),
            "notes": list(self.notes),
            "details": [detail.as_dict() for detail in self.details],
            "about": dict(self.about),
        }

    def csv(self) -> str:
        """Rows under a header; figures without meaning are empty. Notes and details are left out."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["sequence", *self.overall])
        for name, row in self.all_rows():
            writer.writerow([name, *("" if math.isnan(value) else value for value in row.values())])
        return text.getvalue()

    def save(self, path: Path | str) -> None:
        """Write JSON or CSV, by the ending of `path`. Raises VistreamError for another ending."""
        save_tables([self], path)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What `rich` prints: the headline columns, the foot, notes, then the details."""
        columns = self.headline or tuple(self.overall)
        screen = RichTable(title=Text(self.title), title_justify="left", box=None, pad_edge=False)
        screen.add_column("", overflow="fold")
        for column in columns:
            screen.add_column(column, justify="right", no_wrap=True)
        for name, row in self.all_rows():
            style = "bold" if name == COMBINED else None
            screen.add_row(Text(name), *(_shown(row[column]) for column in columns), style=style)
        yield screen
        if self.about:
            yield Text("; ".join(f"{name}: {value}" for name, value in self.about.items()), style="dim")
        yield from map(Text, self.notes)  # as Text, so that brackets in a file's name stay what they are
        yield from self.details


def save_tables(tables: Sequence[Table], path: Path | str) -> None:
    """Write JSON (several tables become a list) or CSV (several get a column with their titles), by the ending.

    Raises VistreamError for another ending.
    """
    ending = Path(path).suffix.lower()
    if ending not in (".json", ".csv"):
        raise VistreamError(f"{path}: results are written as .json or .csv")
    values = [table.as_dict() for table in tables]
    text = _titled(tables) if len(tables) > 1 else tables[0].csv()
    if ending == ".json":
        text = json.dumps(values if len(values) > 1 else values[0], allow_nan=False, indent=1) + "\n"
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def _titled(tables: Sequence[Table]) -> str:
    """The rows of tables with the same columns under one header, each after the title of its table."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for number, table in enumerate(tables):
        header, *rows = csv.reader(io.StringIO(table.csv()))
        if number == 0:
            writer.writerow(["table", *header])
        writer.writerows([table.title, *row] for row in rows)
    return text.getvalue()


def _plain(row: Row) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in row.items()}


def _shown(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "-"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.1f}"
