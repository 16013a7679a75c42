"""Records that hold arrays, and are equal where all that they hold is."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np


class ByValue:
    """For dataclasses with `eq=False`: as they would be compared, but arrays by shape and numbers.

    Hashed is what is no array, so that what is equal has one hash.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(_equal(mine, theirs) for mine, theirs in zip(_compared(self), _compared(other), strict=True))

    def __hash__(self) -> int:
        return hash(tuple(value for value in _compared(self) if not isinstance(value, np.ndarray)))


def _equal(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, np.ndarray) or isinstance(theirs, np.ndarray):
        return np.array_equal(mine, theirs)
    return bool(mine == theirs)


def _compared(record: Any) -> list[Any]:
    return [getattr(record, field.name) for field in fields(record) if field.compare]
