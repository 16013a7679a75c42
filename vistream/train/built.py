"""A dataclass from what YAML holds: every value of the type, and within the range, that its field declares."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Within:
    """Which numbers a field takes: finite ones from `least` to `most`; `above`: more than `least`.

    >>> str(Within(1)), str(Within(0.0, 1.0)), str(Within(0.0, above=True))
    ('at least 1', 'from 0 to 1', 'above 0')
    """

    least: float
    most: float = math.inf
    above: bool = False

    def holds(self, value: Any) -> bool:
        return math.isfinite(value) and self.least <= value <= self.most and not (self.above and value == self.least)

    def __str__(self) -> str:
        if self.most < math.inf:
            return f"from {self.least:g} to {self.most:g}"
        return f"above {self.least:g}" if self.above else f"at least {self.least:g}"


def built(kind: type[T], read: object, place: str) -> T:
    """A dataclass from a mapping as YAML gives it; raises ValueError, which names the key.

    Fields may be numbers, text, truth values, tuples, further dataclasses, `Literal`, and `Annotated` with a `Within`.
    """
    if not isinstance(read, dict):
        raise ValueError(f"{place or 'the file'} must be a mapping, not {read!r}")
    kinds = typing.get_type_hints(kind, include_extras=True)
    if unknown := [key for key in read if key not in kinds]:
        raise ValueError(f"{place}{unknown[0]} is no setting; known are {', '.join(kinds)}")
    return kind(**{key: _value(kinds[key], value, f"{place}{key}") for key, value in read.items()})


def _value(kind: Any, read: object, place: str) -> object:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return built(kind, read, f"{place}.")
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        value = _value(inner[0], read, place)
        if not inner[1].holds(value):
            raise ValueError(f"{place} must be {inner[1]}, not {read!r}")
        return value
    if origin is types.UnionType:
        return None if read is None else _value(inner[0], read, place)
    if origin is typing.Literal:
        if read not in inner:
            raise ValueError(f"{place} must be one of {', '.join(map(str, inner))}, not {read!r}")
        return read
    if origin is tuple:
        if not isinstance(read, list) or (inner[-1] is not ... and len(read) != len(inner)) or not read:
            raise ValueError(f"{place} must be a list of {'some' if inner[-1] is ... else len(inner)}, not {read!r}")
        parts = inner[:1] * len(read) if inner[-1] is ... else inner
        return tuple(_value(part, value, place) for part, value in zip(parts, read, strict=True))
    if kind is float and isinstance(read, (int, str)) and not isinstance(read, bool):
        try:
            return float(read)  # YAML reads 1e-3 as text
        except (ValueError, OverflowError):
            raise ValueError(f"{place} must be a number, not {read!r}") from None
    if not isinstance(read, kind) or (isinstance(read, bool) and kind is not bool):
        raise ValueError(f"{place} must be {kind.__name__}, not {read!r}")
    return read
