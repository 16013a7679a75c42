"""Text in columns, whatever separates them: comma, semicolon, tab or spaces; with or without a line of names."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from vistream.media.formats.text import read_lines

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", " ": "space"}
REMARKS = ("#", "%", "sep=")
"""What begins a line that says nothing of an object; the last one is a spreadsheet's."""


@dataclass(frozen=True, slots=True)
class Columns:
    """`names`: of the columns, in small letters, where the file has them. `rows`: line number and fields, stripped.

    `unit`: what the numbers count where they are not of lines.
    """

    names: tuple[str, ...] | None
    rows: list[tuple[int, list[str]]]
    separator: str
    unit: str = "line"

    @property
    def width(self) -> int:
        """Columns of the first row; 0 where there is none."""
        return len(self.rows[0][1]) if self.rows else 0


def read_columns(path: Path | str) -> Columns:
    """Every line that holds something. Raises VistreamError where the file is no text.

    The first line tells the separator. One that ends every line is dropped; where columns
    are separated by others than commas, a comma in a number is a decimal point.
    """
    every = read_lines(path, any_encoding=True)
    lines = [(number, line) for number, line in every if not line.lower().startswith(REMARKS)]
    if not lines:
        return Columns(None, [], ",")
    separator = _separator(lines[0][1])
    rows = [(number, _fields(line, separator)) for number, line in lines]
    if all(fields[-1] == "" and len(fields) > 1 for _, fields in rows):
        rows = [(number, fields[:-1]) for number, fields in rows]
    names = None
    if not any(map(is_number, rows[0][1])):
        names, rows = tuple(field.lower() for field in rows[0][1]), rows[1:]
    return Columns(names, rows, separator)


def _separator(line: str) -> str:
    """The mark that a line has most of, since there may be commas in numbers; spaces where it has none."""
    mark = max(",;\t", key=line.count)
    return mark if mark in line else " "


def _fields(line: str, separator: str) -> list[str]:
    if separator == " ":
        return line.split()
    parts = next(csv.reader([line], delimiter=separator)) if '"' in line else line.split(separator)
    fields = [part.strip() for part in parts]
    if separator == ",":
        return fields
    return [dotted if is_number(dotted := field.replace(",", ".")) else field for field in fields]


def is_number(field: str) -> bool:
    """Whether a field is a finite number.

    >>> is_number("0.5"), is_number("frame"), is_number("nan")
    (True, False, False)
    """
    try:
        return math.isfinite(float(field))
    except ValueError:
        return False
