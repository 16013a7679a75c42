"""What every operation knows of itself. Executors know the rest, each in a table from operation to implementation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from vistream.ir.footprint import Footprint
from vistream.ir.misfit import Misfit
from vistream.ir.value import Kind, Value
from vistream.ir.window import Counts


class Operation(ABC):
    """One operation of an integer network: a frozen dataclass, whose fields are what the network's file holds of it.

    `whole`: where anything of it is recomputed, everything is. `computes`: it does arithmetic, which reports count.
    `adds_only`: its multiply-accumulates multiply by nothing but what the rescaling of a sum could take over.
    """

    __slots__ = ()
    whole: ClassVar[bool] = False
    computes: ClassVar[bool] = False
    adds_only: ClassVar[bool] = False

    if TYPE_CHECKING:  # a dataclass would take a property of its base class for a default

        @property
        def name(self) -> str:
            """Of the operation and of the value that it gives."""

        @property
        def sources(self) -> tuple[str, ...]:
            """The names of the values that it reads, in order."""

    def check(self) -> None:  # noqa: B027  (most operations cannot contradict themselves)
        """Raise `Misfit` where the operation contradicts itself, as one of a damaged file may."""

    @abstractmethod
    def lay(self, sources: Sequence[Value]) -> Value:
        """The value that it gives for sources like these.

        Raises `Misfit` where it does not fit them at any size, another ValueError where it does not at this size.
        """

    @abstractmethod
    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        """For each source, how positions of the output depend on its positions."""

    def macs(self, sources: Sequence[Value]) -> int:
        """Multiply-accumulates of the whole map, those with padding included."""
        return 0

    def used_macs(self, sources: Sequence[Value], occupied: Sequence[Tensor]) -> int:
        """Those of which no factor is 0 or padding, where of each source the numbers `occupied`, bool `[H, W, C]`,
        are not 0; additions without a weight are not among them."""
        return 0


def reached(occupied: Tensor, rows: Counts, columns: Counts) -> int:
    """How many output positions the `occupied` numbers of a source, bool `[H, W, C]`, reach, all taken together: `rows`
    and `columns` say how many of each axis a source row and column reaches."""
    by_row = occupied.sum(2).to(torch.float64) @ torch.from_numpy(columns).to(torch.float64)
    return int(by_row @ torch.from_numpy(rows).to(torch.float64))


def same_grid(sources: Sequence[Value]) -> tuple[int, int]:
    """The one grid of several values; raises ValueError where they have several."""
    grids = {source.grid for source in sources}
    if len(grids) > 1:
        raise ValueError(f"its inputs have different sizes ({', '.join(map(str, sorted(grids)))})")
    return grids.pop()


def only(kinds: tuple[Kind, ...], sources: Sequence[Value], names: Sequence[str]) -> None:
    """Raise `Misfit` where a source is of another kind."""
    for source, name in zip(sources, names, strict=True):
        if source.kind not in kinds:
            wanted = " or ".join(kind.value for kind in kinds)
            raise Misfit(f"does not fit its source {name}: it takes {wanted}, not {source.kind.value}")
