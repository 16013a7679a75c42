"""Who passes a line, or enters and leaves a zone: from tracks to events, frame by frame.

A border counts as passed when the feet are clear of it on the other side: boxes tremble, and whoever stands on a line
would pass it again and again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from vistream.tracking.places import LINE, Place, Point, feet
from vistream.types import Event, Track

CLEAR = 0.05
"""Of the box's height: how far the feet must be from a border to be clear of it; a pixel at the least."""
LOST = 2.0
"""Seconds after which an object that is out of sight is taken to have left its zones, when it was seen last."""


@dataclass(slots=True)
class Whereabouts:
    """Of one object at one place: the side on which its feet were clear last, and where; since when it is in a zone."""

    inside: bool
    at: Point
    since: float
    seen: float
    label: str


@dataclass(slots=True)
class Counter:
    """Watches `places` through one video. Its memory holds the objects seen in the last seconds, and no others."""

    places: tuple[Place, ...]
    known: dict[tuple[str, int], Whereabouts] = field(default_factory=dict)

    def step(self, tracks: Sequence[Track], time: float) -> tuple[Event, ...]:
        """What happened in the next frame, at `time` in seconds."""
        events = [event for place in self.places for track in tracks for event in self._look(place, track, time)]
        return (*events, *self._forget(time))

    def _look(self, place: Place, track: Track, time: float) -> Iterator[Event]:
        at, key = feet(track.box), (place.name, track.id)
        distance = place.distance(at)
        before = self.known.get(key)
        if before is not None:
            before.seen, before.label = time, track.label
        clear = abs(distance) >= max(1.0, CLEAR * track.box[3])
        if not clear and (before is not None or place.kind == LINE):
            return
        inside = distance > 0
        if before is None:
            self.known[key] = Whereabouts(inside, at, time, time, track.label)
            if inside and place.kind != LINE:
                yield Event(place.name, "enter", track.id, track.label, at)
            return
        if inside != before.inside:
            if place.kind != LINE:
                dwell = None if inside else time - before.since
                yield Event(place.name, "enter" if inside else "leave", track.id, track.label, at, dwell)
            elif place.between(before.at, at):
                yield Event(place.name, "in" if inside else "out", track.id, track.label, at)
            before.since = time
        before.inside, before.at = inside, at

    def _forget(self, time: float) -> Iterator[Event]:
        zones = {place.name for place in self.places if place.kind != LINE}
        for (place, identity), last in list(self.known.items()):
            if time - last.seen <= LOST:
                continue
            if place in zones:
                del self.known[place, identity]
                if last.inside:
                    yield Event(place, "leave", identity, last.label, last.at, last.seen - last.since)
            elif time - last.seen > 30 * LOST:  # a track that comes back keeps its id, and may be beyond the line
                del self.known[place, identity]
