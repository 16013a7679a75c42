"""What an ONNX detector's metadata say: numbers such as its stride, and the names of its classes."""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Mapping

from vistream.errors import VistreamError
from vistream.models.onnx_file import OnnxFile

log = logging.getLogger("vistream")

LARGEST = 8192  # pixels a side: more is a damaged or hostile file
HIGHEST = 100_000  # a class number: no data set has that many
WITHOUT_BOXES = {"classify": "a classifier", "semantic": "for the class of each pixel", "depth": "for depths"}
"""What Ultralytics' tasks make a network that do not find objects."""
NO_NAMES = ("", "None", "null", "{}", "[]", "()")
LISTED = re.compile(r"[^\[\]{}()'\":]+[,\n][^\[\]{}()'\":]+")
"""Names that stand side by side, with commas or line ends between them, and nothing else."""


def literal(file: OnnxFile, key: str) -> object:
    """A metadata entry that is a Python literal, as Ultralytics writes them; None where it is missing or none."""
    try:
        value: object = ast.literal_eval(file.metadata.get(key, ""))
    except (ValueError, SyntaxError, RecursionError, MemoryError):  # all that a hostile literal can cause
        return None
    return value


def positive_integers(file: OnnxFile, key: str, count: int) -> tuple[int, ...] | None:
    """A metadata entry of so many positive numbers, or of one that stands for all; None where it is something else."""
    value = literal(file, key)
    values = list(value) if isinstance(value, list | tuple) else [value] * count
    numbers = [number for number in values if type(number) is int and 0 < number <= LARGEST]
    return tuple(numbers) if len(numbers) == len(values) == count else None


def check_task(file: OnnxFile) -> None:
    """Raise VistreamError for a file that says it finds no boxes: some classifiers look like lists of them."""
    task = file.metadata.get("task", "")
    if task in WITHOUT_BOXES:
        raise VistreamError(f"{file.path}: is {WITHOUT_BOXES[task]} by its metadata (task: {task}), no detector")


def class_names(file: OnnxFile) -> Mapping[int, str]:
    """Class names by number from the metadata entry `names`: `{0: 'person', ...}`, as JSON too, or a list.

    Empty where there are none, or where they can't be read, which the log says.
    """
    text = file.metadata.get("names", "").strip()
    if text in NO_NAMES:
        return {}
    value = literal(file, "names")
    if value is None and LISTED.fullmatch(text):
        value = text.split("\n" if "\n" in text else ",")
    names = _by_number(value)
    if names is None:
        log.warning(
            "%s: its class names %.60r can't be read, and usual ones are taken: write them as {0: 'person', 1: 'car'}",
            str(file.path),
            text,
        )
    return names or {}


def _by_number(value: object) -> dict[int, str] | None:
    """Names by class number, of a list or of a mapping whose numbers may be written as text; None of anything else."""
    if isinstance(value, list | tuple):
        value = dict(enumerate(value))
    if not isinstance(value, dict) or not all(type(name) in (str, int, float) for name in value.values()):
        return None
    numbered = {number: name for key, name in value.items() if (number := _number(key)) is not None}
    if len(numbered) < len(value):
        return None
    return {number: str(name).strip() or f"class {number}" for number, name in numbered.items()} or None


def _number(key: object) -> int | None:
    """A class number, which may be written as text."""
    if isinstance(key, str) and re.fullmatch(r"[0-9]{1,6}", key):
        key = int(key)
    return key if type(key) is int and 0 <= key < HIGHEST else None


def all_names(names: Mapping[int, str]) -> tuple[str, ...]:
    """The names in order of their numbers from 0 on, `class N` where a number has none.

    >>> all_names({2: "cow", 0: "cat"})
    ('cat', 'class 1', 'cow')
    """
    return tuple(names.get(number, f"class {number}") for number in range(max(names, default=-1) + 1))


def checked_names(file: OnnxFile, names: Mapping[int, str], scored: int | None) -> tuple[str, ...]:
    """All names, which may be numbered from 1 where as many classes are `scored` (None: no scores say how many).

    Raises VistreamError where they are of other classes.
    """
    if scored is not None and sorted(names) == [*range(1, scored + 1)]:
        return tuple(names[number] for number in sorted(names))
    if names and scored is not None and max(names) + 1 != scored:
        numbers = f"{min(names)} to {max(names)}"
        raise VistreamError(f"{file.path}: names classes {numbers} but scores {scored}, numbered from 0")
    return all_names(names)
