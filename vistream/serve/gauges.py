"""The running figures of one source: frames a second, lag, tracks, work; now, and over the last minutes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from vistream.types import Result

SECONDS = 120.0
STEP = 0.5  # seconds between two points of a plot
WINDOW = 2.0  # seconds over which frames are counted


def counted(result: Result) -> tuple[str, int]:
    """What of a result is counted, and how many there are: tracks, segments, or the classes that a picture shows."""
    if result.class_map is None:
        return "tracks", len(result.tracks)
    if result.class_map.ids is not None:
        return "segments", len(result.segments)
    return "classes", len(result.shares or {})


class Gauges:
    """Fed by the thread that tracks, read by the one that serves. Its memory does not grow.

    Lag, in seconds: how long after its frame was due a result is there.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._began = clock()
        self._ends: deque[float] = deque()
        self._points: deque[tuple[float, float, float, int, float]] = deque(maxlen=int(SECONDS / STEP))
        self._ids: set[int] = set()
        self.lag = 0.0

    def restart(self) -> None:
        """Another run of the source begins: its ids start again."""
        with self._lock:
            self._ids.clear()

    def done(self, result: Result, due: float) -> None:
        """A result is there, whose frame was due at the moment `due` of the clock."""
        now = self._clock()
        with self._lock:
            self._ends.append(now)
            while self._ends[0] < now - WINDOW:
                self._ends.popleft()
            self._ids.update(track.id for track in result.tracks)
            self.lag = max(0.0, now - due)
            if not self._points or now - self._points[-1][0] >= STEP:
                self._points.append((now, self._fps(now), self.lag, counted(result)[1], result.work.share))

    def _fps(self, now: float) -> float:
        span = min(WINDOW, max(now - self._began, 1e-3))
        return sum(end >= now - WINDOW for end in self._ends) / span

    def as_dict(self) -> dict[str, object]:
        """For JSON: the figures now, and lists of the same length for the plots; `at` is seconds before now."""
        now = self._clock()
        with self._lock:
            points = [point for point in self._points if point[0] >= now - SECONDS]
            columns = list(zip(*points, strict=True)) or [()] * 5
            history = {
                "at": [round(now - at, 2) for at in columns[0]],
                "fps": [round(fps, 2) for fps in columns[1]],
                "lag": [round(lag, 3) for lag in columns[2]],
                "tracks": list(columns[3]),
                "work": [round(share, 4) for share in columns[4]],
            }
            return {"fps": round(self._fps(now), 1), "lag": round(self.lag, 3), "ids": len(self._ids)} | {
                "history": history
            }
