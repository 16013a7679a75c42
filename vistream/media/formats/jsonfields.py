"""Taking typed fields out of a parsed JSON value, with the place named where one is missing or of another
kind.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from vistream.errors import VistreamError

LARGEST = 1 << 53
"""Whole numbers from here on are not exact in JSON."""


class Fields:
    """A JSON object found at `where` ("file.json, annotation 3"), which starts every complaint.

    >>> Fields({"w": "a"}, "a.json").number("w")
    Traceback (most recent call last):
    vistream.errors.VistreamError: a.json: "w" is 'a', not a finite number
    """

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, Mapping):
            raise VistreamError(f"{where}: a JSON object is expected, not {_show(value)}")
        self._value: Mapping[str, Any] = value
        self.where = where

    def __contains__(self, key: str) -> bool:
        return self._value.get(key) is not None

    def holds(self, key: str) -> bool:
        """Whether there is a value under `key` that is not empty: exporters write `[]` where they have none."""
        return key in self and self._value[key] not in ([], {}, "")

    def names(self) -> list[str]:
        """Its keys."""
        return list(self._value)

    def get(self, key: str) -> Any:
        """The value under `key`, whatever it is."""
        if key not in self:
            raise VistreamError(f'{self.where} has no "{key}"')
        return self._value[key]

    def number(self, key: str) -> float:
        """A finite number."""
        value = self.get(key)
        if not _finite(value):
            raise VistreamError(f'{self.where}: "{key}" is {_show(value)}, not a finite number')
        return float(value)

    def whole(self, key: str) -> int:
        """A whole number."""
        value = self.get(key)
        if not _finite(value) or abs(value) >= LARGEST or int(value) != value:
            raise VistreamError(f'{self.where}: "{key}" is {_show(value)}, not a whole number')
        return int(value)

    def identity(self, key: str) -> str:
        """What names something: a whole number or text, as text."""
        value = self.get(key)
        return value if isinstance(value, str) else str(self.whole(key))

    def text(self, key: str) -> str:
        """A string."""
        value = self.get(key)
        if not isinstance(value, str):
            raise VistreamError(f'{self.where}: "{key}" is {_show(value)}, not text')
        return value

    def items(self, key: str) -> list[Any]:
        """A list of anything."""
        value = self.get(key)
        if not isinstance(value, list):
            raise VistreamError(f'{self.where}: "{key}" is {_show(value)}, not a list')
        return value

    def numbers(self, key: str, count: int | None = None) -> list[float]:
        """A list of finite numbers, `count` of them if given."""
        values = self.items(key)
        if count is not None and len(values) != count:
            raise VistreamError(f'{self.where}: "{key}" has {len(values)} numbers, {count} are expected')
        for value in values:
            if not _finite(value):
                raise VistreamError(f'{self.where}: "{key}" holds {_show(value)}, not a finite number')
        return [float(value) for value in values]


def _finite(value: object) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
