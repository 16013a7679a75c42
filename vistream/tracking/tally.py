"""Events added up: how many passed, entered and left, by place and class, and how long they stayed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from vistream.types import Event, Result


@dataclass(slots=True)
class Count:
    """Of one place and class. `plus`: in, or entered; `minus`: out, or left; `dwells`: seconds of those that left."""

    plus: int = 0
    minus: int = 0
    seconds: float = 0.0
    longest: float = 0.0

    def stay(self, seconds: float) -> None:
        """One that was inside for so long."""
        self.seconds += seconds
        self.longest = max(self.longest, seconds)


@dataclass(slots=True)
class Tally:
    """Fed with the results of a run, in order."""

    counts: dict[tuple[str, str], Count] = field(default_factory=dict)
    inside: dict[tuple[str, int], tuple[float, str]] = field(default_factory=dict)
    time: float = 0.0

    def add(self, result: Result) -> None:
        """Take in one frame's events."""
        self.time = result.time
        for event in result.events:
            self._add(event)

    def _add(self, event: Event) -> None:
        count = self.counts.setdefault((event.place, event.label), Count())
        if event.what in ("in", "enter"):
            count.plus += 1
        else:
            count.minus += 1
        if event.what == "enter":
            self.inside[event.place, event.id] = (self.time, event.label)
        if event.what == "leave":
            self.inside.pop((event.place, event.id), None)
            count.stay(event.dwell or 0.0)

    def of(self, place: str) -> tuple[int, int]:
        """How many went in, or entered, and out, or left, whatever their class."""
        counts = [count for (name, _), count in self.counts.items() if name == place]
        return sum(count.plus for count in counts), sum(count.minus for count in counts)

    def rows(self) -> Iterator[tuple[str, str, int, int, int, float, float]]:
        """By place and class: in, out, how many are inside now, mean and longest stay in seconds (0 for lines)."""
        for (place, label), count in sorted(self.counts.items()):
            stays = [
                self.time - since for (name, _), (since, of) in self.inside.items() if (name, of) == (place, label)
            ]
            total, longest = count.seconds + sum(stays), max([count.longest, *stays])
            yield place, label, count.plus, count.minus, len(stays), total / max(1, count.plus), longest
