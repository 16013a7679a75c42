"""What a run was like, in bounded memory however long it lasts: work over time, who was there when, work by layer.

Draws nothing: `run_plots.py` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vistream.tracking.tally import Tally
from vistream.types import Result

MOST_POINTS = 2000
MOST_TRACKS = 1000
MOST_STAYS = 100
TIME_DECIMALS = 3  # of a second


@dataclass(slots=True)
class Presence:
    """When one track was there: `stays` are (first frame, last frame), in order; `frames` is how many in all.

    `label`: its last class, which is what most of its detections say.
    """

    id: int
    label: str
    stays: list[tuple[int, int]]
    frames: int = 1

    def extend(self, frame: int, previous: int) -> None:
        """It is there in `frame`; `previous` was the frame before that one in this run."""
        first, last = self.stays[-1]
        self.frames += 1
        if last == previous:
            self.stays[-1] = (first, frame)
            return
        self.stays.append((frame, frame))
        if len(self.stays) > MOST_STAYS:  # forget the shortest absence
            gaps = [self.stays[i + 1][0] - self.stays[i][1] for i in range(len(self.stays) - 1)]
            i = int(np.argmin(gaps))
            self.stays[i : i + 2] = [(self.stays[i][0], self.stays[i + 1][1])]


@dataclass(slots=True)
class Series:
    """Numbers over frames, at most `MOST_POINTS` of them: when full, neighbours are put together as their mean."""

    width: int = 1  # frames a point
    frames: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    _pending: list[float] = field(default_factory=list)
    _first: int = 0

    def add(self, frame: int, value: float) -> None:
        if not self._pending:
            self._first = frame
        self._pending.append(value)
        if len(self._pending) < self.width:
            return
        self.frames.append(self._first)
        self.values.append(float(np.mean(self._pending)))
        self._pending.clear()
        if len(self.frames) == MOST_POINTS:
            self.frames = self.frames[::2]
            self.values = np.array(self.values).reshape(-1, 2).mean(1).tolist()
            self.width *= 2


@dataclass(slots=True)
class LayerHistory:
    """Sums over the frames of one layer: positions recomputed, activations changed, multiply-accumulates."""

    name: str
    sums: NDArray[np.int64] = field(default_factory=lambda: np.zeros(5, np.int64))

    def mean(self, frames: int) -> tuple[float, float, float]:
        """Share of the positions recomputed, share of the dense multiply-accumulates, activations changed, a frame."""
        pixels, pixels_total, macs, macs_dense, changes = self.sums.tolist()
        return pixels / max(1, pixels_total), macs / max(1, macs_dense), changes / max(1, frames)


@dataclass(slots=True)
class History:
    """Fed with every result of a run, in order."""

    frames: int = 0
    tracks: int = 0
    observations: int = 0
    macs: int = 0
    macs_dense: int = 0
    first: int = 0
    last: int = -1
    began: float = 0.0
    ended: float = 0.0
    shares: Series = field(default_factory=Series)
    counts: Series = field(default_factory=Series)
    presences: dict[int, Presence] = field(default_factory=dict)
    layers: list[LayerHistory] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    classes: dict[str, Series] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        """Take in one frame's result."""
        if self.frames == 0:
            self.first, self.began = result.frame, round(result.time, TIME_DECIMALS)
        else:
            self._add_layers(result)  # in the first frame everything is new: it would hide the others
        self.frames += 1
        self.observations += result.observations
        self.macs += result.work.macs
        self.macs_dense += result.work.macs_dense
        self.tally.add(result)
        self._add_classes(result)
        self.shares.add(result.frame, result.work.share)
        seen = [track for track in result.tracks if track.seen]
        self.counts.add(result.frame, len(seen))
        for track in seen:
            if track.id in self.presences:
                self.presences[track.id].extend(result.frame, self.last)
                self.presences[track.id].label = track.label
            else:
                self.presences[track.id] = Presence(track.id, track.label, [(result.frame, result.frame)])
                self.tracks += 1
        self.last, self.ended = result.frame, round(result.time, TIME_DECIMALS)
        if len(self.presences) > MOST_TRACKS:
            self._forget()

    @property
    def share(self) -> float:
        """Work done by dense work, 0..1."""
        return self.macs / self.macs_dense if self.macs_dense else 0.0

    def seconds(self, frame: float) -> float:
        """When a frame was, in seconds of the source, if frames came evenly."""
        pace = (self.ended - self.began) / max(1, self.last - self.first)
        return round(self.began + (frame - self.first) * pace, TIME_DECIMALS)

    def longest(self, most: int) -> list[Presence]:
        """The `most` tracks that were there in most frames, in order of appearance."""
        chosen = sorted(self.presences.values(), key=lambda presence: -presence.frames)[:most]
        return sorted(chosen, key=lambda presence: (presence.stays[0][0], presence.id))

    def _add_classes(self, result: Result) -> None:
        """The share of every class that was ever seen; one that is new was 0 until now."""
        shown = result.shares or {}
        for name in shown:
            if name not in self.classes:
                known = self.shares  # which has as many points
                none, pending = [0.0] * len(known.values), [0.0] * len(known._pending)
                self.classes[name] = Series(known.width, list(known.frames), none, pending, known._first)
        for name, series in self.classes.items():
            series.add(result.frame, shown.get(name, 0.0))

    def _add_layers(self, result: Result) -> None:
        if [layer.name for layer in result.work.layers] != [layer.name for layer in self.layers]:
            self.layers = [LayerHistory(layer.name) for layer in result.work.layers]
        for layer, done in zip(self.layers, result.work.layers, strict=True):
            layer.sums += (done.pixels, done.pixels_total, done.macs, done.macs_dense, done.changes)

    def _forget(self) -> None:
        """Keep the half that matters: those that are there now, then those that stayed longest."""
        ranked = sorted(self.presences.values(), key=lambda p: (p.stays[-1][1] == self.last, p.frames), reverse=True)
        self.presences = {presence.id: presence for presence in ranked[: MOST_TRACKS // 2]}
