"""Gaps of tracks filled afterwards: where a track was not seen for some frames, and then was again, boxes between."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from vistream.types import Box, Result, Track


class GapFiller:
    """Fills gaps of up to `most` frames, linearly from the box before to the box after; results come so much later.

    What it puts in is marked (`Track.seen` is false) and has a score of 0; boxes that the tracker predicted are left
    out instead. Masks and skeletons can't be filled in. 0 fills nothing, and only leaves out.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._waiting: deque[Result] = deque()
        self._last: dict[int, tuple[int, Track]] = {}  # by id: the number of the result that showed it last
        self._count = 0

    def add(self, result: Result) -> list[Result]:
        """Take in the next result; returns those that are complete, at most one."""
        shown = replace(result, tracks=tuple(track for track in result.tracks if track.seen or track.covered))
        for track in shown.tracks:
            before = self._last.get(track.id)
            if before is not None and 1 < self._count - before[0] <= self.most + 1:
                self._fill(*before, track)
            self._last[track.id] = self._count, track
        self._last = {k: v for k, v in self._last.items() if self._count - v[0] <= self.most}
        self._waiting.append(shown)
        self._count += 1
        return [self._waiting.popleft()] if len(self._waiting) > self.most else []

    def rest(self) -> list[Result]:
        """Those that still wait, when no more will come."""
        rest, self._waiting = list(self._waiting), deque()
        return rest

    def _fill(self, number: int, before: Track, after: Track) -> None:
        first = self._count - len(self._waiting)
        for missing in range(number + 1, self._count):
            share = (missing - number) / (self._count - number)
            box = between(before.box, after.box, share)
            filled = Track(before.id, box, 0.0, after.label, seen=False)
            there = self._waiting[missing - first]
            tracks = sorted((*there.tracks, filled), key=lambda track: track.id)
            self._waiting[missing - first] = replace(there, tracks=tuple(tracks))


def between(a: Box, b: Box, share: float) -> Box:
    """The box that is `share` of the way from `a` to `b`.

    >>> between((0, 0, 10, 10), (10, 20, 20, 10), 0.5)
    (5.0, 10.0, 15.0, 10.0)
    """
    x, y, w, h = (start + share * (end - start) for start, end in zip(a, b, strict=True))
    return x, y, w, h
