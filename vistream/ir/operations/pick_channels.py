"""A choice of channels: slices, shuffles, permutations, repetitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vistream.ir.footprint import Footprint, Same
from vistream.ir.misfit import Misfit
from vistream.ir.operations.operation import Operation
from vistream.ir.value import Value


@dataclass(frozen=True, slots=True)
class PickChannels(Operation):
    """Channel `c` of the output is channel `channels[c]` of the source."""

    name: str
    source: str
    channels: tuple[int, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,)

    def check(self) -> None:
        if not self.channels or min(self.channels) < 0:
            raise Misfit("takes no channel, or one before the first")

    def lay(self, sources: Sequence[Value]) -> Value:
        source = sources[0]
        if max(self.channels) >= source.channels:
            raise Misfit(f"does not fit its source {self.source}: it has {source.channels} channels")
        zero = tuple(source.zero[channel] for channel in self.channels) if source.zero else ()
        return replace(source, channels=len(self.channels), zero=zero)

    def footprints(self, sources: Sequence[Value]) -> tuple[Footprint, ...]:
        return (Same(),)


def shuffled(channels: int, groups: int) -> tuple[int, ...]:
    """The order of a channel shuffle (ShuffleNet): the first of every group, then the second of every group, ...

    >>> shuffled(6, 2)
    (0, 3, 1, 4, 2, 5)
    """
    per_group = channels // groups
    return tuple(group * per_group + member for member in range(per_group) for group in range(groups))
