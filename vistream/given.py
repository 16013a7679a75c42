"""Numbers and arrays as callers give them: taken for what is meant, or refused in one line that names them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vistream.errors import VistreamError


def whole(name: str, value: Any) -> int:
    """A whole number of what may be any kind of one. Raises VistreamError, which names it."""
    try:
        number = int(value)
        if number == float(value):
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    raise VistreamError(f"{name} is {value!r:.60}: a whole number is expected")


def real(name: str, value: Any) -> float:
    """A finite number of what may be any kind of one. Raises VistreamError, which names it."""
    try:
        number = float(value)
        if math.isfinite(number):
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    raise VistreamError(f"{name} is {value!r:.60}: a number is expected")


def switch(name: str, value: Any) -> bool:
    """Whether something is wanted. Raises VistreamError, which names it, for anything but True and False."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise VistreamError(f"{name} is {value!r:.60}: True or False is expected")


def as_array(name: str, value: Any, dtype: type[np.float64] | type[np.bool_]) -> NDArray[Any]:
    """An array of what may be a list, an array or a tensor, on any device. Raises VistreamError, which names it."""
    try:
        if hasattr(value, "detach"):  # a tensor, of any type: NumPy has fewer of them
            value = value.detach().cpu().double()
        array = np.asarray(value, dtype=dtype)
    except (TypeError, ValueError, RuntimeError):
        raise VistreamError(
            f"{name} can't be taken as an array of {dtype.__name__}: rows differ, or are no numbers"
        ) from None
    return array
