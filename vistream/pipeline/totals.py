"""What a run came to so far: frames, detections, tracks, work, and how fast."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from vistream.tracking.tally import Tally
from vistream.types import Result


@dataclass(slots=True)
class Totals:
    """What a run came to so far; `resumed` of the frames were done before it was resumed.

    `labels`: the tracks' classes. `shares`: of the classes that pixels show, by name, summed over the frames.
    """

    frames: int = 0
    resumed: int = 0
    observations: int = 0
    ids: set[int] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)
    macs: int = 0
    macs_dense: int = 0
    tally: Tally = field(default_factory=Tally)
    shares: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)
    ended: float | None = None  # when the files were whole; None: not yet

    def add(self, result: Result) -> None:
        self.frames += 1
        self.observations += result.observations
        self.ids.update(track.id for track in result.tracks)
        self.labels.update(track.label for track in result.tracks)
        self.macs += result.work.macs
        self.macs_dense += result.work.macs_dense
        self.tally.add(result)
        for name, share in (result.shares or {}).items():
            self.shares[name] = self.shares.get(name, 0.0) + share

    @property
    def fps(self) -> float:
        until = time.perf_counter() if self.ended is None else self.ended
        return (self.frames - self.resumed) / max(until - self.started, 1e-9)

    def end(self) -> None:
        """All that was to be done is done: speed is told of the time until the first call of this."""
        self.ended = time.perf_counter() if self.ended is None else self.ended

    @property
    def share(self) -> float:
        return self.macs / self.macs_dense if self.macs_dense else 0.0
