"""What every operation knows of itself. Executors know the rest, each in a table from operation to implementation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from vistream.ir.footprint import Footprint
from vistream.ir.value import Kind, Misfit, Value


class Operation(ABC):
    """One operation of an integer network: a frozen dataclass, whose fields are what the network's file holds of it.

    `whole`: where anything of it is recomputed, everything is.
    """

    __slots__ = ()
    whole: ClassVar[bool] = False

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
