"""The grid that a resize aims at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vistream.ir.misfit import Misfit
from vistream.ir.value import Value
from vistream.ir.window import LARGEST, Pair


@dataclass(frozen=True, slots=True)
class Target:
    """As many rows and columns as `size` says; or the source's times `times` over `by`, rounded down; or, with neither,
    those of the operation's second source."""

    size: Pair | None = None
    times: Pair | None = None
    by: Pair = (1, 1)

    def check(self, like: str | None) -> None:
        """Raise `Misfit` where it is none of the three, or several."""
        given = [one for one in (self.size, self.times, like) if one is not None]
        numbers = (*(self.size or ()), *(self.times or ()), *self.by)
        if len(given) != 1 or min(numbers) < 1 or max(numbers) > LARGEST:
            raise Misfit("has no size to aim at, or several")

    def grid(self, sources: Sequence[Value]) -> tuple[int, int]:
        """Rows and columns, for these sources; raises ValueError where nothing is left."""
        if self.size is not None:
            return self.size
        if self.times is None:
            return sources[1].grid
        height, width = (sources[0].grid[axis] * self.times[axis] // self.by[axis] for axis in (0, 1))
        if min(height, width) < 1:
            raise ValueError("nothing is left of its source")
        return height, width
